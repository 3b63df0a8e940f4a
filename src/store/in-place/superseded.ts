// Superseded uncached artifacts of a project, noted in .vlb/in-place/superseded/ until nothing in build/ depends on
// them.

import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type Artifact, artifactFiles, parseArtifactFile } from '../../model/artifact.ts';
import { makeDirectories } from '../../util/fs.ts';
import { readLastRecords } from './last-records.ts';

/** Removes uncached artifacts from the store, by file name, unless another project or a running build uses them. */
export type DropArtifacts = (names: readonly string[]) => Promise<void>;

/** Notes that an artifact was superseded, if it is uncached. Throws node's fs errors. */
export function noteSuperseded(records: string, artifact: Artifact | undefined): void {
  if (artifact?.keeping !== 'uncached') return;
  makeDirectories(directoryIn(records));
  for (const file of artifactFiles(artifact)) writeFileSync(path.join(directoryIn(records), file), '');
}

/**
 * Removes superseded artifacts that are not in place any more. Throws node's fs errors.
 * @param reachable the artifacts that the links in build/ lead to or depend on, by file name
 */
export async function dropSuperseded(
  records: string,
  reachable: ReadonlySet<string>,
  drop: DropArtifacts,
): Promise<void> {
  const directory = directoryIn(records);
  if (!existsSync(directory)) return;
  const kept = new Set(reachable);
  for (const { artifact } of readLastRecords(records))
    for (const file of artifactFiles(artifact)) kept.add(file);
  const unused = readdirSync(directory).filter((name) => parseArtifactFile(name) && !kept.has(name));
  if (unused.length === 0) return;
  await drop(unused);
  for (const name of unused) rmSync(path.join(directory, name), { force: true });
}

function directoryIn(records: string): string {
  return path.join(records, 'superseded');
}
