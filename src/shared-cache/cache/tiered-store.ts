// The local store with a shared cache behind it: what the store does not have is looked up there.

import type { Key } from '../../model/artifact.ts';
import type { Store } from '../../model/ports/store.ts';
import { SharedCacheClient, type SharedCacheClientOptions } from './client.ts';

/**
 * @param signal cancels the requests to the shared cache
 */
export function tieredStore(options: SharedCacheClientOptions, signal: AbortSignal): Store {
  const { local } = options;
  const shared = new SharedCacheClient(options);
  const end = new AbortController();
  const asking = AbortSignal.any([signal, end.signal]);
  return {
    artifactDirectory: local.artifactDirectory,
    shared,
    ...(local.points ? { points: local.points } : {}),
    lookup: async (key: Key) => (await local.lookup(key)) ?? (await shared.find(key, asking)),
    // What is away is leased when it arrives.
    lease: (records, own) =>
      local.lease(
        records.filter((record) => !shared.isAway(record)),
        own,
      ),
    noteUse: (records) => local.noteUse(records),
    recordsLike: (prefix) => local.recordsLike(prefix),
    examine: (artifact, own) => local.examine(artifact, own),
    chain: (disk) => local.chain(disk),
    release: () => {
      local.release();
      end.abort(); // cancels fetches that were only made in advance
      shared.close();
    },
    evict: (own) => local.evict(own),
    drop: (names) => local.drop(names),
    logOf: (key) => local.logOf(key),
    forget: (key) => local.forget(key),
    read: (disk, cut) => local.read(disk, cut),
    has: (artifact) => local.has(artifact),
    lock: (name, onWait, own) => local.lock(name, onWait, own),
    draft: () => local.draft(),
  };
}
