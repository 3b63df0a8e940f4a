// Archives the files of a mounted system: GNU tar and mksquashfs, run as root, with what makes their output depend on the disk
// alone.

import { fail, ok, type Result } from '../../model/failure.ts';
import type { ArchiveContent, SquashCompression } from '../../model/ports/viewer.ts';
import { encodeName } from '../../util/file-name.ts';
import { isInstalled, lastLines, missingTool, start } from '../process/run.ts';
import { archive, printArchive, rootFacts, squash } from '../root/agent-view.ts';
import type { RootShell } from '../root/root-shell.ts';
import type { RunShell } from '../root/run-shell.ts';

/** Without these, headers have tar's process id, and the times at which vlb itself read the files. */
const PAX = '--pax-option=exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime';

const COMMON = ['--format=posix', PAX, '--sort=name', '--numeric-owner', '--xattrs', '--xattrs-include=*'];

const STYLES: Readonly<Record<ArchiveContent['style'], readonly string[]>> = {
  // In the later versions of the format, names of files with holes have tar's process id in them. As ACLs they can be unpacked by more programs than as the attributes in which Linux stores them.
  whole: [...COMMON, '--sparse', '--sparse-version=0.0', '--acls', '--xattrs-exclude=system.posix_acl_*'],
  container: [...COMMON, '--xattrs-exclude=security.selinux'],
};

/** See OpenDisk.archive of src/model/ports/viewer.ts. */
export async function archiveFiles(
  run: RunShell,
  root: string,
  target: string,
  { paths, style }: ArchiveContent,
): Promise<Result<void>> {
  if (!isInstalled('tar')) return missingTool('tar');
  const { shell } = run;
  if (shell.files.areHere && !(await shell.files.exists(target))) {
    // So that it belongs to vlb's user.
    const created = await shell.files.write(target, '');
    if (!created.ok) return created;
  }
  if (paths === undefined) return archive(shell, root, target, [...STYLES[style], '--', '.']);
  const names = run.file('names');
  const sorted = paths.map((file) => encodeName(`.${file}`)).sort(Buffer.compare);
  const list = Buffer.concat(sorted.flatMap((name) => [name, Buffer.of(0)]));
  const written = await shell.files.write(names, list);
  if (!written.ok) return written;
  const from = ['--no-recursion', '--null', '--verbatim-files-from', `--files-from=${names}`];
  const archived = await archive(shell, root, target, [...STYLES[style], ...from]);
  return archived.ok ? ok() : archived;
}

/** More takes much longer, and saves little. */
const ZSTD_LEVEL = ['-Xcompression-level', '9'];

/** See OpenDisk.squash of src/model/ports/viewer.ts. */
export async function squashFiles(
  { shell }: RunShell,
  root: string,
  target: string,
  compression: SquashCompression,
): Promise<Result<void>> {
  if (!isInstalled('mksquashfs')) return missingTool('mksquashfs');
  const level = compression === 'zstd' ? ZSTD_LEVEL : [];
  const options = ['-comp', compression, ...level, '-mkfs-time', '0', '-no-progress'];
  return shell.files.areHere
    ? squash(shell, root, target, options)
    : squashArchive(shell, root, target, options);
}

/** From an archive that another machine prints: without root, files belong to whom the archive says. */
async function squashArchive(
  shell: RootShell,
  root: string,
  target: string,
  options: readonly string[],
): Promise<Result<void>> {
  // mksquashfs takes nothing of the root's own entry.
  const facts = await rootFacts(shell, root);
  if (!facts.ok) return facts;
  const [mode = '', owner = '', group = '', time = ''] = facts.value;
  const own = ['-root-mode', mode, '-root-uid', owner, '-root-gid', group, '-root-time', time];
  const args = ['-', target, '-tar', ...options, ...own, '-noappend', '-exit-on-error'];
  // It fails where both an option and the environment have a time.
  const packing = await start('mksquashfs', args, { env: { SOURCE_DATE_EPOCH: undefined } });
  const said: Buffer[] = [];
  packing.stdout.resume();
  packing.stderr.on('data', (chunk: Buffer) => void said.push(chunk));
  const printed = await printArchive(shell, root, packing.stdin, [...COMMON, '--', '.']);
  if (!printed.ok) packing.kill('SIGTERM');
  const ended = await packing.ended;
  if (!printed.ok) return printed;
  if (!ended.ok) return ended;
  const { status } = ended.value;
  return status === 0
    ? ok()
    : fail('host', `mksquashfs failed with exit status ${status}`, {
        detail: lastLines(Buffer.concat(said).toString(), 5),
      });
}
