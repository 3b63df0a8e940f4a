// The upkeep of a bucket. Other machines read and write it at the same time, and nothing can be locked. So a record is
// removed before its artifact, and what could belong to a running build is kept. If a build and the upkeep still race,
// the build finds no artifact and builds the layer.

import { backingOf, furtherDisks, mainDisk } from '../../model/artifact.ts';
import { fail, ok, type Result } from '../../model/failure.ts';
import type { ListedObject, StoreError } from '../../model/ports/object-store.ts';
import type {
  SharedCacheUpkeep,
  SharedCollected,
  SharedEntry,
  SharedUsage,
} from '../../model/ports/shared-upkeep.ts';
import type { CacheLimits } from '../../model/ports/store-upkeep.ts';
import { mountedIn } from '../../model/recipe.ts';
import { parseArtifactName, parseRecordName } from '../bucket/layout.ts';
import { MOST_BYTES, openSigned } from '../bucket/signed-record.ts';
import type { RetryingObjectStore } from '../objects/retrying.ts';
import {
  neededBy,
  recordsNaming,
  type SharedArtifact,
  type SharedInventory,
  type SharedRecord,
  selectShared,
} from './selection.ts';
import { type FoundClaim, readClaims } from './shared-claims.ts';

/** How many records are read at the same time. */
const AT_ONCE = 16;
/** Larger records are read one at a time, bytes: an untrusted scope may contain any number of them. */
const LARGE = 4 * 2 ** 20;
/** How many names one request deletes: the limit of S3. */
const MOST_DELETED = 1000;

/** Opens the upkeep of a bucket. Makes no request. */
export function openSharedCacheUpkeep(objects: RetryingObjectStore): SharedCacheUpkeep {
  const attempt = async <T>(work: () => Promise<T>): Promise<Result<T>> => {
    try {
      return ok(await work());
    } catch (error) {
      if (error instanceof UpkeepError) return failureOf(error, objects.place);
      throw error;
    }
  };
  return {
    usage: (signal) => attempt(async () => usage(objects.place, await readInventory(objects, signal))),
    entries: (signal) => attempt(async () => entries(await readInventory(objects, signal))),
    claims: (signal) =>
      attempt(async () => {
        const found = await claimsIn(objects, await listAll(objects, signal), signal);
        return found.flatMap(({ claim }) => claim ?? []).sort((a, b) => b.since - a.since);
      }),
    collect: (limits, options) => attempt(() => collect(objects, limits, options)),
    close: () => objects.close(),
  };
}

/** The reason why an operation failed. */
class UpkeepError extends Error {
  readonly what: 'read' | 'change';
  readonly reason: StoreError;

  constructor(what: 'read' | 'change', error: StoreError) {
    super(error.message);
    this.what = what;
    this.reason = error;
  }
}

function failureOf({ what, reason }: UpkeepError, place: string): Result<never> {
  if (reason.kind === 'interrupted')
    return fail('interrupted', 'the work on the shared cache was interrupted');
  const rights = what === 'read' ? 's3:ListBucket and s3:GetObject' : 's3:DeleteObject';
  return fail('host', `cannot ${what} the shared cache ${place}: ${reason.message}`, {
    ...(reason.kind === 'refused' ? { hint: `use credentials that allow ${rights}` } : {}),
  });
}

async function collect(
  objects: RetryingObjectStore,
  limits: CacheLimits,
  { dryRun, signal }: { readonly dryRun: boolean; readonly signal: AbortSignal },
): Promise<SharedCollected> {
  const inventory = await readInventory(objects, signal);
  const chosen = selectShared(inventory, limits, Date.now());
  const records = [...chosen.records, ...chosen.lost];
  let victims = chosen.artifacts;
  if (!dryRun) {
    await remove(objects, records, signal);
    if (victims.length > 0) {
      const spared = neededBy(await readNewRecords(objects, inventory, records, signal), inventory);
      victims = victims.filter(({ name }) => !spared.has(name));
    }
    await remove(objects, victims, signal);
    const claims = await claimsIn(objects, await listAll(objects, signal), signal);
    await remove(
      objects,
      claims.filter(({ isVoid }) => isVoid),
      signal,
    );
  }
  const [gone, named] = [new Set(victims), recordsNaming(inventory)];
  const kept = [...inventory.artifacts.values()].filter((artifact) => !gone.has(artifact));
  return {
    place: objects.place,
    removed: victims.flatMap((artifact) => entriesOf(artifact, named)),
    lost: chosen.lost.map(({ name }) => name),
    freed: amountOf(victims),
    kept: amountOf(kept),
  };
}

/** Records written since the inventory was read: the artifacts that they name are needed now. */
async function readNewRecords(
  objects: RetryingObjectStore,
  { records }: SharedInventory,
  removed: readonly SharedRecord[],
  signal: AbortSignal,
): Promise<readonly SharedRecord[]> {
  const gone = new Set(removed.map(({ name }) => name));
  const known = new Map(
    records.filter(({ name }) => !gone.has(name)).map(({ name, modified }) => [name, modified]),
  );
  const listed = await listAll(objects, signal);
  return readRecords(
    objects,
    listed.filter(({ name, modified }) => known.get(name) !== modified),
    signal,
  );
}

async function remove(
  objects: RetryingObjectStore,
  victims: readonly { readonly name: string }[],
  signal: AbortSignal,
): Promise<void> {
  const names = victims.map(({ name }) => name);
  for (let at = 0; at < names.length; at += MOST_DELETED) {
    const deleted = await objects.delete(names.slice(at, at + MOST_DELETED), signal);
    if (!deleted.ok) throw new UpkeepError('change', deleted.error);
  }
}

/** All artifacts and records in the bucket. Throws an UpkeepError. */
async function readInventory(objects: RetryingObjectStore, signal: AbortSignal): Promise<SharedInventory> {
  const listed = await listAll(objects, signal);
  const artifacts = new Map<string, SharedArtifact>();
  for (const { name, bytes, modified } of listed) {
    const about = parseArtifactName(name);
    if (about) artifacts.set(name, { name, ...about, bytes, modified });
  }
  return { artifacts, records: await readRecords(objects, listed, signal) };
}

async function claimsIn(
  objects: RetryingObjectStore,
  listed: readonly ListedObject[],
  signal: AbortSignal,
): Promise<readonly FoundClaim[]> {
  const names = listed.map(({ name }) => name);
  const found = await readClaims(objects, names, signal);
  if ('kind' in found) throw new UpkeepError('read', found);
  return found;
}

async function listAll(objects: RetryingObjectStore, signal: AbortSignal): Promise<readonly ListedObject[]> {
  const all: ListedObject[] = [];
  let after: string | undefined;
  do {
    const page = await objects.list('', after, signal);
    if (!page.ok) throw new UpkeepError('read', page.error);
    all.push(...page.value.objects);
    after = page.value.next;
  } while (after !== undefined);
  return all;
}

/** The records among these objects. Ignores what disappears in the meantime. */
async function readRecords(
  objects: RetryingObjectStore,
  listed: readonly ListedObject[],
  signal: AbortSignal,
): Promise<readonly SharedRecord[]> {
  const records: SharedRecord[] = [];
  const stop = new AbortController();
  const own = AbortSignal.any([signal, stop.signal]);
  let failed: UpkeepError | undefined;
  const work = async (left: Iterable<ListedObject>) => {
    for (const object of left) {
      const about = parseRecordName(object.name);
      if (!about) continue;
      const got = await objects.read(object.name, MOST_BYTES, own);
      if (got.ok) records.push({ ...object, ...about, content: contentOf(got.value.bytes, about) });
      else if (got.error.kind !== 'absent') {
        failed ??= new UpkeepError('read', got.error);
        return stop.abort();
      }
    }
  };
  const small = listed.filter(({ bytes }) => bytes <= LARGE).values();
  await Promise.all(Array.from({ length: AT_ONCE }, () => work(small)));
  await work(listed.filter(({ bytes }) => bytes > LARGE));
  if (failed) throw failed;
  return records;
}

/** Does not check signatures: vlb.yaml of another branch may trust other keys. */
function contentOf(
  bytes: Buffer | undefined,
  about: NonNullable<ReturnType<typeof parseRecordName>>,
): SharedRecord['content'] {
  const opened = bytes && openSigned(bytes, { ...about, trustedKeys: [] });
  if (!opened || !('record' in opened)) return undefined;
  const { layer, created, artifact, parent } = opened.record;
  const further = furtherDisks(artifact).map((disk) => disk.digest);
  const needed = [
    ...further,
    ...(parent?.disks ?? []).map((disk) => disk.digest),
    ...mountedIn(opened.record.recipe),
  ];
  return {
    layer,
    created,
    digest: mainDisk(artifact).digest,
    further,
    backing: backingOf(opened.record)?.digest,
    needed,
  };
}

function entries(inventory: SharedInventory): readonly SharedEntry[] {
  const records = recordsNaming(inventory);
  return [...inventory.artifacts.values()]
    .flatMap((artifact) => entriesOf(artifact, records))
    .sort((a, b) => b.pushed.localeCompare(a.pushed) || (b.layer ?? '').localeCompare(a.layer ?? ''));
}

/** The entries of an artifact for listings: one for each record that names it. */
function entriesOf(
  { name, scope, digest, bytes, modified }: SharedArtifact,
  records: ReturnType<typeof recordsNaming>,
): SharedEntry[] {
  const own = records.get(name) ?? [];
  const common = { scope, digest, bytes };
  if (own.length === 0) {
    const pushed = new Date(modified).toISOString();
    return [{ ...common, layer: undefined, key: undefined, created: pushed, pushed }];
  }
  return own.map((record) => ({
    ...common,
    layer: record.content?.layer,
    key: record.key,
    created: record.content?.created ?? '',
    pushed: new Date(record.modified).toISOString(),
  }));
}

function usage(place: string, inventory: SharedInventory): SharedUsage {
  const { artifacts, records } = inventory;
  const [all, named] = [[...artifacts.values()], recordsNaming(inventory)];
  const scopes = [...new Set([...all, ...records].map(({ scope }) => scope))].sort();
  return {
    place,
    artifacts: amountOf(all),
    unrecorded: amountOf(all.filter(({ name }) => !named.has(name))),
    records: amountOf(records),
    total: amountOf([...all, ...records]),
    scopes: scopes.map((scope) => ({
      scope,
      count: all.filter((one) => one.scope === scope).length,
      bytes: amountOf([...all, ...records].filter((one) => one.scope === scope)).bytes,
    })),
  };
}

function amountOf(objects: readonly { readonly bytes: number }[]) {
  return { count: objects.length, bytes: objects.reduce((total, { bytes }) => total + bytes, 0) };
}
