// The keeping of a bucket. Other machines read and write it at the same time, and nothing can be locked there. So a record
// goes before its artifact, that none ever names what is gone; what could belong to a build that is under way is left; and where
// the two meet all the same, a build finds no artifact, and makes it again.

import { fail, ok, type Result } from '../../model/failure.ts';
import type { ListedObject, Trouble } from '../../model/ports/object-store.ts';
import type {
  SharedCollected,
  SharedEntry,
  SharedKeeper,
  SharedUsage,
} from '../../model/ports/shared-upkeep.ts';
import type { CacheLimits } from '../../model/ports/store-upkeep.ts';
import { mountedBy } from '../../model/record.ts';
import { MOST_BYTES, unseal } from '../bucket/envelope.ts';
import { parseArtifactName, parseRecordName } from '../bucket/layout.ts';
import type { Steady } from '../objects/retrying.ts';
import {
  chooseShared,
  type Inventory,
  neededBy,
  recordsOf,
  type StoredObject,
  type StoredRecord,
} from './choose.ts';

/** How many records are read at the same time. */
const AT_ONCE = 16;
/** Larger ones are read one at a time, bytes: anybody may have put many of them into an untrusted scope. */
const LARGE = 4 * 2 ** 20;
/** How many names one request deletes: S3 takes a thousand. */
const MOST_DELETED = 1000;

/** Opens the keeping of a bucket. No request is made. */
export function openSharedKeeper(steady: Steady): SharedKeeper {
  const attempt = async <T>(work: () => Promise<T>): Promise<Result<T>> => {
    try {
      return ok(await work());
    } catch (error) {
      if (error instanceof KeepingError) return failureOf(error, steady.place);
      throw error;
    }
  };
  return {
    usage: (signal) => attempt(async () => usage(steady.place, await readInventory(steady, signal))),
    entries: (signal) => attempt(async () => entries(await readInventory(steady, signal))),
    collect: (limits, options) => attempt(() => collect(steady, limits, options)),
    close: () => steady.close(),
  };
}

/** What stopped the work. */
class KeepingError extends Error {
  readonly what: 'read' | 'changed';
  readonly trouble: Trouble;

  constructor(what: 'read' | 'changed', trouble: Trouble) {
    super(trouble.message);
    this.what = what;
    this.trouble = trouble;
  }
}

function failureOf({ what, trouble }: KeepingError, place: string): Result<never> {
  if (trouble.kind === 'interrupted')
    return fail('interrupted', 'the work on the shared cache was interrupted');
  const rights = what === 'read' ? 's3:ListBucket and s3:GetObject' : 's3:DeleteObject';
  return fail('host', `the shared cache ${place} cannot be ${what}: ${trouble.message}`, {
    ...(trouble.kind === 'refused' ? { hint: `the credentials have to allow ${rights}` } : {}),
  });
}

async function collect(
  steady: Steady,
  limits: CacheLimits,
  { dryRun, signal }: { readonly dryRun: boolean; readonly signal: AbortSignal },
): Promise<SharedCollected> {
  const inventory = await readInventory(steady, signal);
  const chosen = chooseShared(inventory, limits, Date.now());
  const records = [...chosen.records, ...chosen.lost];
  let victims = chosen.artifacts;
  if (!dryRun) {
    await remove(steady, records, signal);
    if (victims.length > 0) {
      const spared = neededBy(await readNewRecords(steady, inventory, records, signal), inventory);
      victims = victims.filter(({ name }) => !spared.has(name));
    }
    await remove(steady, victims, signal);
  }
  const [gone, named] = [new Set(victims), recordsOf(inventory)];
  const kept = [...inventory.artifacts.values()].filter((artifact) => !gone.has(artifact));
  return {
    place: steady.place,
    removed: victims.flatMap((artifact) => entriesOf(artifact, named)),
    lost: chosen.lost.map(({ name }) => name),
    freed: amountOf(victims),
    kept: amountOf(kept),
  };
}

/** Records that somebody wrote since the inventory was made: what they name was there, and is needed now. */
async function readNewRecords(
  steady: Steady,
  { records }: Inventory,
  removed: readonly StoredRecord[],
  signal: AbortSignal,
): Promise<readonly StoredRecord[]> {
  const gone = new Set(removed.map(({ name }) => name));
  const known = new Map(
    records.filter(({ name }) => !gone.has(name)).map(({ name, modified }) => [name, modified]),
  );
  const listed = await listAll(steady, signal);
  return readRecords(
    steady,
    listed.filter(({ name, modified }) => known.get(name) !== modified),
    signal,
  );
}

async function remove(
  steady: Steady,
  objects: readonly { readonly name: string }[],
  signal: AbortSignal,
): Promise<void> {
  const names = objects.map(({ name }) => name);
  for (let at = 0; at < names.length; at += MOST_DELETED) {
    const deleted = await steady.delete(names.slice(at, at + MOST_DELETED), signal);
    if (!deleted.ok) throw new KeepingError('changed', deleted.trouble);
  }
}

/** Everything of vlb's that lies in the bucket. Throws a KeepingError. */
async function readInventory(steady: Steady, signal: AbortSignal): Promise<Inventory> {
  const listed = await listAll(steady, signal);
  const artifacts = new Map<string, StoredObject>();
  for (const { name, bytes, modified } of listed) {
    const about = parseArtifactName(name);
    if (about) artifacts.set(name, { name, ...about, bytes, modified });
  }
  return { artifacts, records: await readRecords(steady, listed, signal) };
}

async function listAll(steady: Steady, signal: AbortSignal): Promise<readonly ListedObject[]> {
  const all: ListedObject[] = [];
  let after: string | undefined;
  do {
    const page = await steady.list('', after, signal);
    if (!page.ok) throw new KeepingError('read', page.trouble);
    all.push(...page.value.objects);
    after = page.value.next;
  } while (after !== undefined);
  return all;
}

/** The records among these objects. What goes away meanwhile is left out. */
async function readRecords(
  steady: Steady,
  listed: readonly ListedObject[],
  signal: AbortSignal,
): Promise<readonly StoredRecord[]> {
  const records: StoredRecord[] = [];
  const stop = new AbortController();
  const own = AbortSignal.any([signal, stop.signal]);
  let failed: KeepingError | undefined;
  const work = async (left: Iterable<ListedObject>) => {
    for (const object of left) {
      const about = parseRecordName(object.name);
      if (!about) continue;
      const got = await steady.read(object.name, MOST_BYTES, own);
      if (got.ok) records.push({ ...object, ...about, content: contentOf(got.value.bytes, about) });
      else if (got.trouble.kind !== 'absent') {
        failed ??= new KeepingError('read', got.trouble);
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

/** Whose signatures count is not for the keeping to judge: vlb.yaml of another branch may say otherwise. */
function contentOf(
  bytes: Buffer | undefined,
  about: NonNullable<ReturnType<typeof parseRecordName>>,
): StoredRecord['content'] {
  const opened = bytes && unseal(bytes, { ...about, trustedKeys: [] });
  if (!opened || !('record' in opened)) return undefined;
  const { layer, created, artifact, parent } = opened.record;
  return {
    layer,
    created,
    digest: artifact.digest,
    parent: parent?.digest,
    mounts: mountedBy(opened.record),
  };
}

function entries(inventory: Inventory): readonly SharedEntry[] {
  const records = recordsOf(inventory);
  return [...inventory.artifacts.values()]
    .flatMap((artifact) => entriesOf(artifact, records))
    .sort((a, b) => b.pushed.localeCompare(a.pushed) || (b.layer ?? '').localeCompare(a.layer ?? ''));
}

/** An artifact as it is told to people: once for each record that names it. */
function entriesOf(
  { name, scope, digest, bytes, modified }: StoredObject,
  records: ReturnType<typeof recordsOf>,
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

function usage(place: string, inventory: Inventory): SharedUsage {
  const { artifacts, records } = inventory;
  const [all, named] = [[...artifacts.values()], recordsOf(inventory)];
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
