// Copies files out of a mounted system as root, and reads package databases from the copies.

import path from 'node:path';
import type { FileType, PackageDatabase } from '../../model/disk-diff.ts';
import { fail, ok, type Result } from '../../model/failure.ts';
import { run as runTool } from '../process/run.ts';
import * as agent from '../root/agent-view.ts';
import { localFiles } from '../root/root-files.ts';
import type { RunShell } from '../root/run-shell.ts';

export interface Copied {
  readonly type: FileType | 'absent';
  /** The copy, of a file or a link. */
  readonly file: string;
}

/** Copies one file of a mounted system, or the target of a link. Links in the path to it are followed inside the system. */
export async function copyOut(
  { shell }: RunShell,
  root: string,
  source: string,
  target: string,
): Promise<Result<Copied>> {
  const made = await shell.files.write(target, '');
  if (!made.ok) return made;
  // Without `.` and `..`, so that the last part is a name.
  const copied = await agent.copyOut(shell, root, path.posix.resolve('/', source), target);
  if (!copied.ok) return copied;
  const here = await shell.files.bringHere(target);
  if (!here.ok) return here;
  return ok({ type: copied.value as Copied['type'], file: target }); // copy_out prints these words
}

/** Returns the contents of a package database, see OpenDisk.packages of src/model/ports/viewer.ts. */
export async function readPackages(
  run: RunShell,
  root: string,
  database: PackageDatabase,
  files: readonly string[],
): Promise<Result<string>> {
  const copies = run.file(database);
  for (const files of [run.shell.files, localFiles]) {
    const made = await files.makeDirectory(copies);
    if (!made.ok) return made;
  }
  for (const file of files) {
    const copied = await copyOut(run, root, file, path.join(copies, path.basename(file)));
    if (!copied.ok) return copied;
  }
  if (database !== 'rpm') {
    const [text = ''] = files;
    const status = await run.shell.files.read(path.join(copies, path.basename(text)));
    return status.ok ? ok(status.value.toString()) : status;
  }
  // From a copy, and never with --root: the host's rpm must not use settings from an image.
  const format =
    '%{NAME}\\t%|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}\\t%{ARCH}\\t%{LICENSE}\\t%{SOURCERPM}\\n';
  const listed = await runTool('rpm', [`--dbpath=${copies}`, '--query', '--all', `--queryformat=${format}`]);
  if (!listed.ok) return listed;
  const { stdout, stderr } = listed.value;
  // An rpm without the code for a format begins a database of its own beside it.
  const isForeign = !files.some((file) => file.endsWith('/rpmdb.sqlite'));
  if (stdout === '' && (stderr !== '' || isForeign)) {
    const name = path.basename(files[0] ?? '');
    return fail('host', `cannot read the rpm database ${name}`, {
      detail: stderr === '' ? [] : [stderr.trim()],
      hint: 'each rpm reads the formats that it was built with, and that of Debian reads SQLite and Berkeley DB',
    });
  }
  return ok(stdout);
}
