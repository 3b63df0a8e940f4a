// Finds an image to boot or compare: its format by its first bytes, and whether it can be read.

import { closeSync, constants, openSync, readSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { fail, failAt, ok, type Result } from '../../model/failure.ts';
import type { DiskImage } from '../../model/ports/viewer.ts';
import { systemError } from '../../util/errors.ts';
import { isAllowed } from '../../util/fs.ts';
import { run } from '../process/run.ts';

/**
 * Opens the image at any path.
 * @param purpose for the messages of failures
 * Fails as `usage` when it does not exist or is of another format, and as `host` when it cannot be read, its chain of
 * backing files is broken, or another process is writing to it.
 */
export async function openImage(
  file: string,
  purpose: Purpose,
  signal: AbortSignal,
): Promise<Result<DiskImage>> {
  const found = findImage(path.resolve(file), purpose);
  if (!found.ok) return found;
  const { file: real, format } = found.value;
  // Without --force-share this takes the lock that a reader takes.
  const info = await run('qemu-img', ['info', '-f', format, '--backing-chain', real], { signal });
  if (info.ok) return found;
  if (info.failure.detail?.some((line) => line.includes(' lock'))) return lockedImage(real);
  return info.failure.kind === 'host'
    ? { ok: false, failure: { ...info.failure, message: 'cannot read the image', where: { file: real } } }
    : info;
}

/** The failure for an image that another process writes to. */
export function lockedImage(file: string): ReturnType<typeof fail> {
  return fail('host', 'another process is writing to the image', {
    where: { file },
    hint: `wait until it has finished; to find it: fuser -v ${file}`,
  });
}

/** What the image is for. */
type Purpose = 'booted' | 'compared' | 'opened';

function findImage(file: string, purpose: Purpose): Result<DiskImage> {
  const notAnImage = (why: string, hint?: string) =>
    fail('usage', `this file cannot be ${purpose}: ${why}`, { where: { file }, ...(hint && { hint }) });
  try {
    const stat = statSync(file);
    if (stat.isDirectory()) return notAnImage('it is a directory');
    if (stat.isFile() && stat.size === 0) return notAnImage('it is empty');
    const magic = firstBytes(file);
    const other = OTHER_KINDS.find(([bytes]) => magic.startsWith(bytes));
    if (other) return notAnImage(`it is ${other[1]}`, other[2]);
    return ok({ file: realpathSync(file), format: magic.startsWith(QCOW2_MAGIC) ? 'qcow2' : 'raw' });
  } catch (error) {
    const { code } = systemError(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      return fail('usage', 'image not found', { where: { file }, hint: 'create it with vlb build' });
    }
    return failAt(file, 'cannot read the image', error);
  }
}

/** QEMU's docs/interop/qcow2.txt; versions 2 and 3 are both called qcow2. */
const QCOW2_MAGIC = 'QFI\xfb';

const CONVERT = 'convert it first: qemu-img convert -O qcow2';
const UNPACK = 'unpack it first';
/** Other common formats of disks. Taken as raw disks, they would only fail to boot. */
const OTHER_KINDS: readonly (readonly [magic: string, name: string, hint: string])[] = [
  ['KDMV', 'a VMDK', CONVERT],
  ['# Disk DescriptorFile', 'a VMDK', CONVERT],
  ['vhdxfile', 'a VHDX', CONVERT],
  ['<<< Oracle VM VirtualBox Disk Image', 'a VDI', CONVERT],
  ['\x1f\x8b', 'compressed with gzip', UNPACK],
  ['\xfd7zXZ\0', 'compressed with xz', UNPACK],
  ['\x28\xb5\x2f\xfd', 'compressed with zstd', UNPACK],
];

function firstBytes(file: string): string {
  const descriptor = openSync(file, 'r');
  try {
    const bytes = Buffer.alloc(64);
    return bytes.toString('latin1', 0, readSync(descriptor, bytes, 0, bytes.length, 0));
  } finally {
    closeSync(descriptor);
  }
}

/** Fails as `host` when an image cannot be written, or is attached to a loop device: QEMU's locks do not cover that. */
export async function checkWritable({ file }: DiskImage): Promise<Result<void>> {
  if (!isAllowed(file, constants.W_OK))
    return fail('host', 'the image cannot be written', { where: { file } });
  const attached = await run('losetup', ['--associated', file, '--noheadings', '--output', 'NAME']);
  if (!attached.ok) return attached;
  const [device] = attached.value.stdout.trim().split('\n');
  if (!device) return ok();
  return fail('host', `the image is attached as ${device}`, {
    where: { file },
    hint: `unmount and detach it first: losetup --detach ${device}`,
  });
}
