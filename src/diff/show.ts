// The other ways of vlb diff to look at two disks: the text of one file, and a shell.

import { fail, ok, type Result } from '../model/failure.ts';
import type { MountOptions } from '../model/ports/machine.ts';
import type { DiskImage, DiskViewer, OpenDisk } from '../model/ports/viewer.ts';
import { visit } from './compare.ts';

/** Two disks to look at. */
export interface Sides {
  readonly before: NamedDisk | undefined;
  readonly after: NamedDisk;
  readonly options: MountOptions;
}

interface NamedDisk {
  readonly name: string;
  readonly image: DiskImage;
}

/** Prints what differs in one text file. Fails as `usage` when neither disk has it, or it is nothing to be read. */
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
  const [old, young] = copies;
  const name = path.replace(/^\/+/, '');
  if (old === undefined && young === undefined) {
    const where = before ? `neither ${before.name} nor ${after.name} has` : `${after.name} does not have`;
    return fail('usage', `${where} a file /${name}`);
  }
  const label = (side: string, copy: string | undefined) =>
    copy === undefined ? '/dev/null' : `${side}/${name}`;
  return viewer.showTextDiff([old, young], [label('a', old), label('b', young)]);
}

async function copyOf(disk: OpenDisk, path: string, name: string): Promise<Result<string | undefined>> {
  const copied = await disk.copy(path);
  if (!copied.ok) return copied;
  const { type, file } = copied.value;
  if (type === 'absent') return ok(undefined);
  if (type === 'file' || type === 'link') return ok(file);
  const what = type === 'directory' ? 'a directory' : 'a device, a pipe or a socket';
  return fail('usage', `${path} is ${what} in ${name}`, { hint: '--text shows one file' });
}

/** A shell that sees both disks. Fails as `host` where both are btrfs. */
export async function showShell(
  { before, after, options }: Sides,
  viewer: DiskViewer,
): Promise<Result<void>> {
  const old = before ? await viewer.open(before.image, options) : ok(undefined);
  if (!old.ok) return old;
  if (before && old.value?.isBtrfs) {
    return fail('host', `${before.name} and ${after.name} are on btrfs, and cannot be mounted both`, {
      hint: 'the kernel takes two copies of one btrfs for the same file system; vlb diff without --shell looks at one after the other',
    });
  }
  const young = await viewer.open(after.image, options);
  return young.ok ? viewer.shell(old.value, young.value) : young;
}
