// A machine that shares, without the scripts: a real store in a directory, the real protocol behind it, and layers that are
// made of chance, so that no two machines ever make the same bytes.

import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import {
  type Artifact,
  artifactFile,
  type BuildRecord,
  furtherDisks,
  type Key,
  mainDisk,
} from '../../../src/model/artifact.ts';
import type { ObjectStore } from '../../../src/model/ports/object-store.ts';
import type { SharedAccess } from '../../../src/model/ports/shared-cache.ts';
import type { Draft, FurtherDisk, Store } from '../../../src/model/ports/store.ts';
import { keyOf } from '../../../src/model/recipe.ts';
import { Bucket } from '../../../src/shared-cache/bucket/bucket.ts';
import { TRUSTED } from '../../../src/shared-cache/bucket/layout.ts';
import type { Signer } from '../../../src/shared-cache/bucket/signatures.ts';
import { Claims } from '../../../src/shared-cache/cache/claims.ts';
import { tieredStore } from '../../../src/shared-cache/cache/tiered-store.ts';
import {
  DEFAULT_RETRY_POLICY,
  RetryingObjectStore,
  type RetryPolicy,
} from '../../../src/shared-cache/objects/retrying.ts';
import { backingFile } from '../../../src/store/local/qcow2-header.ts';
import { openStore } from '../store.ts';
import { Tree, valueIn } from '../tree.ts';

/** Tests have no time to wait for a network that comes back. */
export const HASTE: RetryPolicy = {
  ...DEFAULT_RETRY_POLICY,
  firstPause: 5,
  longestPause: 20,
  within: 10_000,
  partWithin: 20_000,
  leastEvery: 1_000,
};

export interface SharerOptions {
  readonly policy?: RetryPolicy;
  readonly scope?: string;
  readonly access?: SharedAccess;
  readonly trustedKeys?: readonly string[];
  readonly signer?: Signer | undefined;
  /** What a key says of the parent: vlb's say its digest. */
  readonly parentInKey?: (parent: BuildRecord) => string;
  /** The layers that write to a further disk, of which the first one makes it. */
  readonly writesData?: readonly string[];
  /** How many bytes of chance a layer has. */
  readonly bytes?: number;
}

export interface Made {
  readonly record: BuildRecord;
  readonly how: 'built' | 'fetched' | 'had';
}

export class Sharer implements Disposable {
  readonly tree = new Tree();
  readonly notes: string[] = [];
  readonly store: Store;
  readonly #options: SharerOptions;
  readonly #signal = new AbortController().signal;

  constructor(remote: ObjectStore, options: SharerOptions = {}) {
    this.#options = options;
    const { scope = TRUSTED, access = 'rw', trustedKeys = [], signer, policy = HASTE } = options;
    const onNote = (message: string) => void this.notes.push(message);
    const local = valueIn(
      openStore({
        directory: this.tree.path('store'),
        owner: '100-1.aaaaaaaa',
        isAlive: () => true,
        onDamage: onNote,
      }),
    );
    const objects = new RetryingObjectStore(remote, policy, {
      onLost: (why) => onNote(`left alone: ${why}`),
      onFound: () => onNote('used again'),
    });
    const bucket = new Bucket({ objects, scope, access, trustedKeys, signer, onNote });
    const open = async () => bucket;
    const claims = new Claims({ host: 'sharer', pid: 1 });
    const tiers = { local, open, claims, flush: false, onNote, onTransfer: () => {} };
    this.store = tieredStore(tiers, this.#signal);
  }

  /** Makes a chain of layers, each on the one before it, in the way of a build. */
  async build(names: readonly string[]): Promise<readonly Made[]> {
    const made: Made[] = [];
    for (const name of names) made.push(await this.#layer(name, made));
    return made;
  }

  async #layer(name: string, below: readonly Made[]): Promise<Made> {
    const parent = below.at(-1)?.record;
    const inKey = this.#options.parentInKey ?? (({ artifact }) => mainDisk(artifact).digest);
    const data =
      parent && furtherDisks(parent.artifact).map(({ digest }) => `parent-disk ${digest} "data"\n`);
    const recipe = `layer ${name}\nparent ${parent ? inKey(parent) : 'scratch'}\n${data?.join('') ?? ''}`;
    const key = keyOf(recipe);
    const { shared } = this.store;
    if (!shared) return assert.fail('it does not share');
    const found = await this.store.lookup(key);
    if (found) {
      if (!shared.isAway(found)) return { record: found, how: 'had' };
      if (await shared.fetch(found, this.#signal)) return { record: found, how: 'fetched' };
    }
    const own = await this.#commit(name, key, recipe, parent?.artifact);
    const records = below.map(({ record }) => record);
    const record = await shared.publish(own, records, { replaces: false, signal: this.#signal });
    return { record, how: 'built' };
  }

  async #commit(layer: string, key: Key, recipe: string, parent: Artifact | undefined): Promise<BuildRecord> {
    await using draft = valueIn(await this.store.draft());
    writeFileSync(draft.path, qcow2Over(parent, randomBytes(this.#options.bytes ?? 50_000)));
    const further = this.#dataOf(layer, draft, parent);
    const about = { key, layer, recipe, parent: parent ?? null, keeping: 'cached' as const, further };
    return valueIn(await draft.commit({ ...about, startedAt: performance.now(), signal: this.#signal }));
  }

  /** The further disk of a layer: a delta over the parent's, or that itself. */
  #dataOf(layer: string, draft: Draft, parent: Artifact | undefined): readonly FurtherDisk[] {
    const [below] = parent ? furtherDisks(parent) : [];
    if (!this.#options.writesData?.includes(layer)) return below ? [below] : [];
    const file = draft.further('data');
    const backing = below && parent && { keeping: parent.keeping, disks: [below] as const };
    writeFileSync(file, qcow2Over(backing, randomBytes(this.#options.bytes ?? 50_000)));
    return [{ name: 'data', file }];
  }

  /** Everything in the store has the bytes that it is named after, and each layer stands on the one before it. */
  assertSound(made: readonly Made[]): void {
    const files = readdirSync(this.store.artifactDirectory);
    for (const name of files) {
      const bytes = readFileSync(path.join(this.store.artifactDirectory, name));
      assert.equal(`${createHash('sha256').update(bytes).digest('hex')}.qcow2`, name, this.notes.join('\n'));
    }
    for (const [index, { record }] of made.entries()) {
      const below = made[index - 1]?.record.artifact;
      const backing = backingFile(path.join(this.store.artifactDirectory, artifactFile(record.artifact)));
      assert.equal(backing, below && `./${artifactFile(below)}`, record.layer);
    }
  }

  [Symbol.dispose](): void {
    this.store.release();
    this.tree[Symbol.dispose]();
  }
}

/** A qcow2 file as far as its header goes: QEMU's docs/interop/qcow2.txt. */
function qcow2Over(parent: Artifact | undefined, content: Buffer): Buffer {
  const name = parent ? `./${artifactFile(parent)}` : '';
  const header = Buffer.alloc(512);
  header.write('QFI\xfb', 0, 'latin1');
  header.writeUInt32BE(3, 4);
  if (parent) {
    header.writeBigUInt64BE(112n, 8);
    header.writeUInt32BE(name.length, 16);
    header.write(name, 112);
  }
  return Buffer.concat([header, content]);
}

/** The digests of a chain. */
export function digestsOf(made: readonly Made[]): readonly string[] {
  return made.map(({ record }) => mainDisk(record.artifact).digest);
}

/** `built fetched had` */
export function howOf(made: readonly Made[]): string {
  return made.map(({ how }) => how).join(' ');
}
