// The other modes of vlb diff: the text of one file, and a shell.

import { fail, ok, type Result } from '../model/failure.ts';
import type { MountOptions } from '../model/ports/machine.ts';
import type { DiskImage, DiskViewer, OpenDisk } from '../model/ports/viewer.ts';
import { visit } from './compare.ts';

/** Two disks to inspect. */
export interface Sides {
  readonly before: NamedDisk | undefined;
  readonly after: NamedDisk;
  readonly options: MountOptions;
}

interface NamedDisk {
  readonly name: string;
  readonly image: DiskImage;
}

/** Prints the differences of one text file. Fails as `usage` when neither disk has it, or it is not a regular file. */
export async function showText(
  { before, after, options }: Sides,
  path: string,
  viewer: DiskViewer,
): Promise<Result<void>> {
  const copies: (string | undefined)[] = [];
  for (const disk of [before, after]) {
    const copy = disk
      ? await visit(viewer, disk.image, options, (open) => copyOf(open, path, disk.name))
      : ok(undefined);
    if (!copy.ok) return copy;
    copies.push(copy.value);
  }
  const [older, newer] = copies;
  const name = path.replace(/^\/+/, '');
  if (older === undefined && newer === undefined) {
    const where = before ? `neither ${before.name} nor ${after.name} has` : `${after.name} does not have`;
    return fail('usage', `${where} a file /${name}`);
  }
  const label = (side: string, copy: string | undefined) =>
    copy === undefined ? '/dev/null' : `${side}/${name}`;
  return viewer.showTextDiff([older, newer], [label('a', older), label('b', newer)]);
}

async function copyOf(disk: OpenDisk, path: string, name: string): Promise<Result<string | undefined>> {
  const copied = await disk.copy(path);
  if (!copied.ok) return copied;
  const { type, file } = copied.value;
  if (type === 'absent') return ok(undefined);
  if (type === 'file' || type === 'link') return ok(file);
  const what = type === 'directory' ? 'a directory' : 'a device, a pipe or a socket';
  return fail('usage', `${path} is ${what} in ${name}`, { hint: 'use --text with a regular file' });
}

/** Runs a shell with both disks mounted. Fails as `host` when both use btrfs. */
export async function showShell(
  { before, after, options }: Sides,
  viewer: DiskViewer,
): Promise<Result<void>> {
  const older = before ? await viewer.open(before.image, options) : ok(undefined);
  if (!older.ok) return older;
  if (before && older.value?.isBtrfs) {
    return fail(
      'host',
      `${before.name} and ${after.name} use btrfs, and cannot be mounted at the same time`,
      {
        hint: 'run vlb diff without --shell, which mounts one after the other: the kernel takes two copies of one btrfs for the same file system',
      },
    );
  }
  const newer = await viewer.open(after.image, options);
  return newer.ok ? viewer.shell(older.value, newer.value) : newer;
}
