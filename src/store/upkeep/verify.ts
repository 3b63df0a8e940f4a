// Reads a whole store: whether each artifact is what its name and its records say.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { artifactFile } from '../../model/artifact.ts';
import { withNeeds } from '../../model/eviction.ts';
import type { BadEntry, Verified } from '../../model/ports/store-upkeep.ts';
import { parseRecord } from '../../model/record.ts';
import { systemError } from '../../util/errors.ts';
import { namesIn } from '../../util/fs.ts';
import { setAside } from '../local/damaged.ts';
import { digestFile } from '../local/durable.ts';
import { backingFile } from '../local/qcow2-header.ts';
import { guarded } from '../locks/guard.ts';
import { leasedNames } from '../locks/lease.ts';
import { ARTIFACT, measure, RECORD } from '../names.ts';
import { backingArtifact, readInventory, readStoredRecord, type StoredRecord } from './inventory.ts';
import type { UpkeepOptions } from './keeping.ts';

/** How many artifacts are read at the same time: enough that a disk never waits. */
const AT_ONCE = 4;

const GONE = 'is gone';

/**
 * An artifact that is whole but stands on one that is gone is not told: it did not change, it is of no use until its
 * parent comes out the same again, and the garbage collection takes it. Throws node's fs errors, and an AbortError on
 * the signal.
 */
export async function verify(
  options: UpkeepOptions,
  onBad: (bad: BadEntry) => void,
  signal: AbortSignal,
): Promise<Verified> {
  const { places } = options;
  const bad: BadEntry[] = [];
  const report = async (entry: Suspect, what: string) => {
    const told = await moveAside(entry, what, options, signal);
    if (!told) return;
    bad.push(told);
    onBad(told);
  };

  const records = new Map<string, StoredRecord[]>();
  for (const name of namesIn(places.keys).filter((entry) => RECORD.test(entry))) {
    const file = path.join(places.keys, name);
    const stored = readStoredRecord(file);
    const isWhole = stored?.record.key === RECORD.exec(name)?.[1];
    if (!stored || !isWhole) {
      await report({ layer: undefined, artifact: undefined, records: [file] }, 'is no whole record');
      continue;
    }
    const artifact = artifactFile(stored.record.artifact);
    records.set(artifact, [...(records.get(artifact) ?? []), stored]);
  }

  const names = new Set([
    ...records.keys(),
    ...namesIn(places.artifacts).filter((name) => ARTIFACT.test(name)),
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
  return { records: [...records.values()].flat().length, artifacts: { count, bytes }, bad };
}

/** What is wrong with an artifact, behind its name; undefined when nothing is. */
async function whatIsWrong(
  file: string,
  records: readonly StoredRecord[],
  signal: AbortSignal,
): Promise<string | undefined> {
  const size = measure(file)?.size;
  if (size === undefined) return GONE;
  for (const { record } of records) {
    if (size !== record.artifact.bytes) return `has ${size} bytes instead of ${record.artifact.bytes}`;
    const wanted = record.parent ? artifactFile(record.parent) : undefined;
    if (backingArtifact(file) === wanted && (wanted !== undefined || backingFile(file) === undefined))
      continue;
    return `stands on ${backingFile(file) ?? 'nothing'} instead of ${wanted ?? 'nothing'}`;
  }
  const digest = await digestFile(file, signal).catch((error: NodeJS.ErrnoException) => {
    signal.throwIfAborted();
    return error;
  });
  if (digest instanceof Error) return `cannot be read: ${digest.message}`;
  return path.basename(file).includes(digest) ? undefined : `has another digest, ${digest}`;
}

interface Suspect {
  readonly layer: string | undefined;
  /** The name of its file. */
  readonly artifact: string | undefined;
  readonly records: readonly string[];
}

/** Moves an artifact and all that names it out of the way. Undefined when it was removed by now, as a whole. */
async function moveAside(
  { layer, artifact, records }: Suspect,
  what: string,
  { places, ...options }: UpkeepOptions,
  signal: AbortSignal,
): Promise<BadEntry | undefined> {
  const file = artifact === undefined ? (records[0] ?? '') : path.join(places.artifacts, artifact);
  return guarded(options, signal, () => {
    // Another process may have removed or mended it since it was read.
    const naming = records.filter((name) =>
      artifact === undefined ? !isRecord(name) : names(name, artifact),
    );
    const isThere = artifact !== undefined && measure(file) !== undefined;
    if (naming.length === 0 && (!isThere || records.length > 0)) return undefined;
    if (what === GONE && isThere) return undefined;
    const leased = leasedNames(places.leases, options.isAlive);
    const isHeld = leased.size > 0 && withNeeds(leased, readInventory(places)).has(artifact ?? '');
    if (isHeld) return { layer, file, what, movedTo: undefined };
    for (const name of isThere ? [file, ...naming] : naming) setAside(name, places.damaged);
    return { layer, file, what, movedTo: places.damaged };
  });
}

function names(file: string, artifact: string): boolean {
  const stored = readStoredRecord(file);
  return stored !== undefined && artifactFile(stored.record.artifact) === artifact;
}

function isRecord(file: string): boolean {
  try {
    return parseRecord(readFileSync(file, 'utf8'))?.key === RECORD.exec(path.basename(file))?.[1];
  } catch (error) {
    return systemError(error).code === 'ENOENT'; // gone, and harmless
  }
}
