// Copies files out of a mounted system as root, and reads package databases from the copies.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { FileType, PackageDatabase } from '../../model/disk-diff.ts';
import { fail, ok, type Result } from '../../model/failure.ts';
import { run } from '../process/run.ts';
import type { RootShell } from '../root/root-shell.ts';

export interface Copied {
  readonly type: FileType | 'absent';
  /** The copy, of a file or a link. */
  readonly file: string;
}

/** Copies one file of a mounted system, or the target of a link. Links in the path to it are followed inside the system. */
export async function copyOut(
  shell: RootShell,
  root: string,
  source: string,
  target: string,
): Promise<Result<Copied>> {
  writeFileSync(target, '');
  // Without `.` and `..`, so that the last part is a name.
  const copied = await shell.run(['copy_out', root, path.posix.resolve('/', source), target]);
  if (!copied.ok) return copied;
  return ok({ type: copied.value.stdout.trim() as Copied['type'], file: target }); // copy_out prints these words
}

/** Returns the contents of a package database, see OpenDisk.packages of src/model/ports/viewer.ts. */
export async function readPackages(
  shell: RootShell,
  root: string,
  directory: string,
  database: PackageDatabase,
  files: readonly string[],
): Promise<Result<string>> {
  const copies = path.join(directory, database);
  mkdirSync(copies, { recursive: true });
  for (const file of files) {
    const copied = await copyOut(shell, root, file, path.join(copies, path.basename(file)));
    if (!copied.ok) return copied;
  }
  if (database === 'dpkg') return ok(readFileSync(path.join(copies, 'status'), 'utf8'));
  // From a copy, and never with --root: the host's rpm must not use settings from an image.
  const format = '%{NAME}\\t%|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}\\t%{ARCH}\\n';
  const listed = await run('rpm', [`--dbpath=${copies}`, '--query', '--all', `--queryformat=${format}`]);
  if (!listed.ok) return listed;
  if (listed.value.stdout === '' && listed.value.stderr !== '') {
    return fail('host', 'cannot read the rpm database', { detail: [listed.value.stderr.trim()] });
  }
  return ok(listed.value.stdout);
}
