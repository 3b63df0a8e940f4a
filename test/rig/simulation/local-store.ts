// The store of a simulated machine: records in memory, of artifacts that have no bytes.

import assert from 'node:assert/strict';
import type { BuildRecord, Key } from '../../../src/model/artifact.ts';
import { ok } from '../../../src/model/failure.ts';
import type { Store } from '../../../src/model/ports/store.ts';

const unused = () => assert.fail('a simulated build does not use this');

export class LocalStore implements Store {
  readonly artifactDirectory = '/simulated';
  readonly records = new Map<Key, BuildRecord>();

  lookup = async (key: Key) => this.records.get(key);
  has = async ({ disks }: BuildRecord['artifact']) =>
    [...this.records.values()].some(({ artifact }) => artifact.disks[0].digest === disks[0].digest);
  lease = async () => [];
  draft: Store['draft'] = async () =>
    ok({
      path: '/simulated/draft',
      further: unused,
      digest: unused,
      commit: unused,
      adopt: async (record) => ok(void this.records.set(record.key, record)),
      [Symbol.asyncDispose]: async () => {},
    });
  read: Store['read'] = async function* () {};
  release = () => {};

  recordsLike = unused;
  noteUse = unused;
  examine = unused;
  chain = unused;
  evict = unused;
  drop = unused;
  logOf = unused;
  forget = unused;
  lock = unused;
}
