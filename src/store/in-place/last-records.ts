// Each layer's last record in a project: .vlb/in-place/<layer>.json.

import { renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { BuildRecord } from '../../model/artifact.ts';
import { parseRecord, recordText } from '../../model/record.ts';
import { makeDirectories, namesIn, textIfAny } from '../../util/fs.ts';

/** The directory of the last records, in the project's state directory. */
export function lastRecordsDirectory(state: string): string {
  return path.join(state, 'in-place');
}

/** The last record of a layer; undefined when it is absent or damaged. */
export function readLastRecord(directory: string, layer: string): BuildRecord | undefined {
  return parseRecord(textIfAny(fileOf(directory, layer)) ?? '');
}

/** The last records of all layers. */
export function readLastRecords(directory: string): readonly BuildRecord[] {
  return namesIn(directory).flatMap((name) =>
    name.endsWith('.json') ? (readLastRecord(directory, path.basename(name, '.json')) ?? []) : [],
  );
}

/** Saves the last record of a layer. Throws node's fs errors. */
export function writeLastRecord(directory: string, layer: string, record: BuildRecord): void {
  const file = fileOf(directory, layer);
  makeDirectories(directory);
  writeFileSync(`${file}.tmp`, `${recordText(record, 1)}\n`);
  renameSync(`${file}.tmp`, file);
}

/** Removes the last record of a layer. Throws node's fs errors. */
export function removeLastRecord(directory: string, layer: string): void {
  rmSync(fileOf(directory, layer), { force: true });
}

function fileOf(directory: string, layer: string): string {
  return path.join(directory, `${layer}.json`);
}
