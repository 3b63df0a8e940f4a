// Everything that is in a store: its artifacts, the records that name them, and what each stands on.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { artifactFile, type BuildRecord } from '../../model/artifact.ts';
import { mountedBy, parseRecord } from '../../model/record.ts';
import { namesIn } from '../../util/fs.ts';
import { backingFile } from '../local/qcow2-header.ts';
import { ARTIFACT, measure, RECORD, type StorePlaces } from '../names.ts';

export interface StoredArtifact {
  /** The name of its file. */
  readonly name: string;
  /** What it takes up on the disk, bytes. */
  readonly disk: number;
  /** When it came into the store, or was copied there, ms. The time of its file is its seal. */
  readonly changed: number;
  readonly records: readonly StoredRecord[];
  /** The artifact that its file says it stands on, by name. */
  readonly backing: string | undefined;
  /** All that it needs, by name: what it stands on, and what its build looked into. */
  readonly needs: readonly string[];
}

export interface StoredRecord {
  readonly file: string;
  /** Without its recipe, which may be long where there are many inputs, and there may be many records. */
  readonly record: Omit<BuildRecord, 'recipe'>;
  /** The artifacts that its build needed, by name. */
  readonly needs: readonly string[];
  /** ms; the time of the file, see `touch` of src/store/local/local-store.ts. */
  readonly lastUsed: number;
}

/** Reads a store. What goes away meanwhile is left out, and so are records that cannot be read: `verify` tells those. */
export function readInventory({ artifacts, keys }: StorePlaces): ReadonlyMap<string, StoredArtifact> {
  const records = new Map<string, StoredRecord[]>();
  for (const name of namesIn(keys)) {
    if (!RECORD.test(name)) continue;
    const stored = readStoredRecord(path.join(keys, name));
    if (!stored) continue;
    const artifact = artifactFile(stored.record.artifact);
    records.set(artifact, [...(records.get(artifact) ?? []), stored]);
  }
  const inventory = new Map<string, StoredArtifact>();
  for (const name of namesIn(artifacts)) {
    const found = ARTIFACT.test(name) ? measure(path.join(artifacts, name)) : undefined;
    if (!found) continue;
    const own = records.get(name) ?? [];
    const backing = backingArtifact(path.join(artifacts, name));
    const needs = new Set([
      ...(backing === undefined ? [] : [backing]),
      ...own.flatMap((record) => record.needs),
    ]);
    inventory.set(name, { name, ...found, records: own, backing, needs: [...needs] });
  }
  return inventory;
}

/** The name of the artifact that a file says it stands on. */
export function backingArtifact(file: string): string | undefined {
  const backing = backingFile(file);
  const name = backing === undefined ? '' : path.basename(backing);
  return ARTIFACT.test(name) ? name : undefined;
}

/** The record in a file; undefined when there is none, or no whole one. */
export function readStoredRecord(file: string): StoredRecord | undefined {
  try {
    const whole = parseRecord(readFileSync(file, 'utf8'));
    if (!whole) return undefined;
    const { recipe: _, ...record } = whole;
    return { file, record, needs: neededBy(whole), lastUsed: measure(file)?.modified ?? 0 };
  } catch {
    return undefined; // it has gone
  }
}

/** What was mounted may have been uncached: its digest alone is known. */
function neededBy(record: BuildRecord): string[] {
  const mounts = mountedBy(record).flatMap((digest) => [`${digest}.qcow2`, `uncached-${digest}.qcow2`]);
  return record.parent ? [artifactFile(record.parent), ...mounts] : mounts;
}
