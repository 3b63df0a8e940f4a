// Verifies a store: reads every artifact and compares it with its name and its records.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import {
  type ArtifactName,
  artifactFiles,
  backingOf,
  diskFile,
  nameOf,
  parseArtifactFile,
} from '../../model/artifact.ts';
import { withNeeds } from '../../model/eviction.ts';
import type { BadEntry, Verified } from '../../model/ports/store-upkeep.ts';
import { isNewerRecord, parseRecord } from '../../model/record.ts';
import { systemError } from '../../util/errors.ts';
import { namesIn, textIfAny } from '../../util/fs.ts';
import { setAside } from '../local/damaged.ts';
import { digestFile } from '../local/durable.ts';
import { backingArtifact, backingFile } from '../local/qcow2-header.ts';
import { leasedNames } from '../locks/lease.ts';
import { guarded } from '../locks/lock.ts';
import { measure, RECORD } from '../names.ts';
import type { UpkeepOptions } from './entries.ts';
import { readInventory, readStoredRecord, type StoredRecord } from './inventory.ts';

/** How many artifacts are read at the same time: enough to keep a disk busy. */
const AT_ONCE = 4;

const GONE = 'is missing';

/**
 * Verifies every artifact and record, and moves damaged ones aside. An intact artifact whose parent is missing is not
 * reported: it is unusable until the parent is built identically again, and garbage collection removes it.
 * Throws node's fs errors, and an AbortError on the signal.
 * @param onBad called for each damaged entry
 */
export async function verify(
  options: UpkeepOptions,
  onBad: (bad: BadEntry) => void,
  signal: AbortSignal,
): Promise<Verified> {
  const { places } = options;
  const bad: BadEntry[] = [];
  const report = async (entry: Suspect, what: string) => {
    const moved = await moveAside(entry, what, options, signal);
    if (!moved) return;
    bad.push(moved);
    onBad(moved);
  };

  const records = new Map<string, StoredRecord[]>();
  for (const name of namesIn(places.keys).filter((entry) => RECORD.test(entry))) {
    const file = path.join(places.keys, name);
    const stored = readStoredRecord(file);
    const isWhole = stored?.record.key === RECORD.exec(name)?.[1];
    if (!stored || !isWhole) {
      const isNewer = isNewerRecord(textIfAny(file) ?? '');
      const what = isNewer ? 'was written by a newer vlb' : 'is not a complete record';
      await report({ layer: undefined, artifact: undefined, records: [file] }, what);
      continue;
    }
    for (const file of artifactFiles(stored.record.artifact)) {
      records.set(file, [...(records.get(file) ?? []), stored]);
    }
  }

  const names = new Set([
    ...records.keys(),
    ...namesIn(places.artifacts).filter((name) => parseArtifactFile(name)),
  ]);
  const waiting = names.values();
  let [count, bytes] = [0, 0];
  const worker = async () => {
    for (const name of waiting) {
      const own = records.get(name) ?? [];
      const what = await whatIsWrong(path.join(places.artifacts, name), own, signal);
      count++;
      bytes += measure(path.join(places.artifacts, name))?.disk ?? 0;
      if (what === undefined) continue;
      await report(
        { layer: own[0]?.record.layer, artifact: name, records: own.map(({ file }) => file) },
        what,
      );
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  return { records: new Set([...records.values()].flat()).size, artifacts: { count, bytes }, bad };
}

/** What is wrong with an artifact, as a predicate; undefined when it is intact. */
async function whatIsWrong(
  file: string,
  records: readonly StoredRecord[],
  signal: AbortSignal,
): Promise<string | undefined> {
  const size = measure(file)?.size;
  if (size === undefined) return GONE;
  for (const { record } of records) {
    const { bytes, backing: named } = saidOf(path.basename(file), record);
    if (size !== bytes) return `has ${size} bytes instead of ${bytes}`;
    if (named === 'unknown') continue;
    const wanted = named ? diskFile(named) : undefined;
    if (backingArtifact(file) === wanted && (wanted !== undefined || backingFile(file) === undefined))
      continue;
    return `has the backing file ${backingFile(file) ?? 'none'} instead of ${wanted ?? 'none'}`;
  }
  const digest = await digestFile(file, signal).catch((error: NodeJS.ErrnoException) => {
    signal.throwIfAborted();
    return error;
  });
  if (digest instanceof Error) return `cannot be read: ${digest.message}`;
  return path.basename(file).includes(digest) ? undefined : `has the wrong digest ${digest}`;
}

/** What a record says of a file of its artifact. It does not know on what its parent's disk is, which it may have as its own. */
function saidOf(
  file: string,
  record: StoredRecord['record'],
): { bytes: number | undefined; backing: ArtifactName | null | 'unknown' } {
  const { artifact, parent } = record;
  const { keeping } = artifact;
  const disk = artifact.disks.find(({ digest }) => diskFile({ digest, keeping }) === file);
  const isMain = file === diskFile(nameOf(artifact));
  const below = parent?.disks.find(({ name }) => name === disk?.name);
  const own = below && parent ? { digest: below.digest, keeping: parent.keeping } : null;
  const backing = isMain ? backingOf(record) : own && diskFile(own) === file ? 'unknown' : own;
  return { bytes: disk?.bytes, backing };
}

interface Suspect {
  readonly layer: string | undefined;
  /** Its file name. */
  readonly artifact: string | undefined;
  readonly records: readonly string[];
}

/** Moves an artifact and its records aside. Undefined when all of it was removed in the meantime. */
async function moveAside(
  { layer, artifact, records }: Suspect,
  what: string,
  { places, ...options }: UpkeepOptions,
  signal: AbortSignal,
): Promise<BadEntry | undefined> {
  const file = artifact === undefined ? (records[0] ?? '') : path.join(places.artifacts, artifact);
  return guarded(options, signal, () => {
    // Another process may have removed or repaired it since it was read.
    const naming = records.filter((name) =>
      artifact === undefined ? !isRecord(name) : names(name, artifact),
    );
    const isThere = artifact !== undefined && measure(file) !== undefined;
    if (naming.length === 0 && (!isThere || records.length > 0)) return undefined;
    if (what === GONE && isThere) return undefined;
    const leased = leasedNames(places.leases, options.isAlive);
    const isLeased = leased.size > 0 && withNeeds(leased, readInventory(places)).has(artifact ?? '');
    if (isLeased) return { layer, file, what, movedTo: undefined };
    for (const name of isThere ? [file, ...naming] : naming) setAside(name, places.damaged);
    return { layer, file, what, movedTo: places.damaged };
  });
}

function names(file: string, artifact: string): boolean {
  const stored = readStoredRecord(file);
  return stored !== undefined && artifactFiles(stored.record.artifact).includes(artifact);
}

function isRecord(file: string): boolean {
  try {
    return parseRecord(readFileSync(file, 'utf8'))?.key === RECORD.exec(path.basename(file))?.[1];
  } catch (error) {
    return systemError(error).code === 'ENOENT'; // gone: harmless
  }
}
