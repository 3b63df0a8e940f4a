// Finds an image to boot or compare: its format by its first bytes, and whether it can be read.

import { closeSync, constants, openSync, readSync, realpathSync, statSync } from 'node:fs';
import path from 'node:path';
import { fail, failAt, ok, type Result } from '../../model/failure.ts';
import type { DiskImage } from '../../model/ports/viewer.ts';
import { systemError } from '../../util/errors.ts';
import { isAllowed } from '../../util/fs.ts';
import { quoteWord } from '../../util/quote.ts';
import { run } from '../process/run.ts';
import { recognizeFormat } from './format.ts';

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
    const packed = PACKINGS.find(([bytes, , , at = 0]) => magic.startsWith(bytes, at));
    if (packed) return notAnImage(`it is ${packed[1]}`, `unpack it first: ${packed[2]} ${quoteWord(file)}`);
    const { format, missing, isTruncated } = recognizeFormat(file);
    if (format === 'luks') return notAnImage('it is encrypted', DECRYPT);
    if (isTruncated) return notAnImage('it is truncated: it refers to data beyond its end');
    // A qcow2 with a data file of its own is opened, as one with a backing file is: QEMU finds both.
    if (missing !== undefined && format !== 'qcow2') {
      const flat = `make one file of it: qemu-img convert -f ${format} -O qcow2 ${quoteWord(file)} disk.qcow2`;
      return notAnImage(`it refers to ${missing}`, missing === 'other files' ? flat : undefined);
    }
    return ok({ file: realpathSync(file), format });
  } catch (error) {
    const { code } = systemError(error);
    if (code === 'ENOENT' || code === 'ENOTDIR') {
      return fail('usage', 'image not found', { where: { file }, hint: 'create it with vlb build' });
    }
    return failAt(file, 'cannot read the image', error);
  }
}

const DECRYPT = 'qemu-img convert decrypts it, see --image-opts and --object secret';

/** Compressed files and archives. Taken as raw disks, they would only fail to boot. */
const PACKINGS: readonly (readonly [magic: string, name: string, unpack: string, at?: number])[] = [
  ['\x1f\x8b', 'compressed with gzip', 'gzip -dk'],
  ['\xfd7zXZ\0', 'compressed with xz', 'xz -dk'],
  ['\x28\xb5\x2f\xfd', 'compressed with zstd', 'zstd -d'],
  ['BZh', 'compressed with bzip2', 'bzip2 -dk'],
  ['PK\x03\x04', 'a zip archive', 'unzip'],
  ["7z\xbc\xaf'\x1c", 'a 7z archive', '7z x'],
  ['ustar', 'a tar archive, as an OVA is', 'tar -xf', 257],
];

function firstBytes(file: string): string {
  const descriptor = openSync(file, 'r');
  try {
    const bytes = Buffer.alloc(512);
    return bytes.toString('latin1', 0, readSync(descriptor, bytes, 0, bytes.length, 0));
  } finally {
    closeSync(descriptor);
  }
}

/**
 * Fails as `host` when an image cannot be written, or is attached to a loop device: QEMU's locks do not cover that; as
 * `usage` when QEMU only reads its format.
 */
export async function checkWritable({ file, format }: DiskImage): Promise<Result<void>> {
  if (!isAllowed(file, constants.W_OK))
    return fail('host', 'the image cannot be written', { where: { file } });
  if (recognizeFormat(file).isReadOnly) {
    return fail('usage', `QEMU reads this kind of ${format} image, and cannot write it`, {
      where: { file },
      hint: `change a copy: qemu-img convert -f ${format} -O qcow2 ${quoteWord(file)} copy.qcow2; and convert that when it is done`,
    });
  }
  const attached = await run('losetup', ['--associated', file, '--noheadings', '--output', 'NAME']);
  if (!attached.ok) return attached;
  const [device] = attached.value.stdout.trim().split('\n');
  if (!device) return ok();
  return fail('host', `the image is attached as ${device}`, {
    where: { file },
    hint: `unmount and detach it first: losetup --detach ${device}`,
  });
}
