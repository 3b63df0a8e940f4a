// The inventory of a store: its artifacts, the records that name them, and what each depends on.

import path from 'node:path';
import {
  artifactFile,
  artifactFiles,
  type BuildRecord,
  diskFile,
  parseArtifactFile,
} from '../../model/artifact.ts';
import { mountedIn } from '../../model/recipe.ts';
import { parseRecord } from '../../model/record.ts';
import { namesIn, textIfAny } from '../../util/fs.ts';
import { backingArtifact } from '../local/qcow2-header.ts';
import { measure, RECORD, type StorePlaces } from '../names.ts';

export interface StoredArtifact {
  /** The name of its file. */
  readonly name: string;
  /** Disk usage, bytes. */
  readonly disk: number;
  /** When it was added or copied to the store: ctime, ms. The mtime is its stamp. */
  readonly changed: number;
  /** Those of which it is the main disk. */
  readonly records: readonly StoredRecord[];
  /** Those that name it, also as a further disk. */
  readonly namedBy: readonly StoredRecord[];
  /** The file name of its backing file. */
  readonly backing: string | undefined;
  /** All artifacts that it needs, by file name: its backing file, its parent, and those mounted during its build. */
  readonly needs: readonly string[];
}

export interface StoredRecord {
  readonly file: string;
  /** Without the recipe, which is long with many inputs, and there may be many records. */
  readonly record: Omit<BuildRecord, 'recipe'>;
  /** The artifacts that its build needed, by file name. */
  readonly needs: readonly string[];
  /** mtime, ms: see `#noteUse` of src/store/local/local-store.ts. */
  readonly lastUsed: number;
}

/** Reads a store. Ignores what disappears in the meantime, and unreadable records, which `verify` reports. */
export function readInventory({ artifacts, keys }: StorePlaces): ReadonlyMap<string, StoredArtifact> {
  const stored = namesIn(keys)
    .filter((name) => RECORD.test(name))
    .flatMap((name) => readStoredRecord(path.join(keys, name)) ?? []);
  const records = Map.groupBy(stored, ({ record }) => artifactFile(record.artifact));
  const further = Map.groupBy(
    stored.flatMap((record) =>
      artifactFiles(record.record.artifact)
        .slice(1)
        .map((name) => ({ name, record })),
    ),
    ({ name }) => name,
  );
  const inventory = new Map<string, StoredArtifact>();
  for (const name of namesIn(artifacts)) {
    const found = parseArtifactFile(name) ? measure(path.join(artifacts, name)) : undefined;
    if (!found) continue;
    const own = records.get(name) ?? [];
    const backing = backingArtifact(path.join(artifacts, name));
    const needs = new Set([
      ...(backing === undefined ? [] : [backing]),
      ...own.flatMap((record) => record.needs),
    ]);
    const namedBy = [...own, ...(further.get(name) ?? []).map(({ record }) => record)];
    inventory.set(name, { name, ...found, records: own, namedBy, backing, needs: [...needs] });
  }
  return inventory;
}

/** The record in a file; undefined when it is absent or damaged. */
export function readStoredRecord(file: string): StoredRecord | undefined {
  const whole = parseRecord(textIfAny(file) ?? '');
  if (!whole) return undefined;
  const { recipe: _, ...record } = whole;
  return { file, record, needs: neededBy(whole), lastUsed: measure(file)?.modified ?? 0 };
}

/**
 * An artifact is found by its main disk, which needs the others. Only the digest of a mounted one is known, so it may be
 * cached or uncached.
 */
function neededBy(record: BuildRecord): string[] {
  const mounts = mountedIn(record.recipe).flatMap((digest) => [
    diskFile({ digest, keeping: 'cached' }),
    diskFile({ digest, keeping: 'uncached' }),
  ]);
  const { artifact, parent, backing } = record;
  const [, ...others] = artifactFiles(artifact);
  const below = [...(parent ? artifactFiles(parent) : []), ...(backing ? [diskFile(backing)] : [])];
  return [...others, ...below, ...mounts];
}
