// Unpacks a base image, regardless of its file's name: decompresses it, takes the disk out of an archive, and decompresses
// that.

import { readFileSync, rmSync } from 'node:fs';
import { ok, type Result } from '../../model/failure.ts';
import type { Host } from '../../model/ports/machine.ts';
import { withFile } from '../../util/fs.ts';
import { descriptorAmong, diskAmong, firstDisk } from './archive.ts';

/**
 * The first bytes of each compression (RFC 1952; RFC 8878; lz4's frame format, and its legacy one; the .xz format's section
 * 2.1.1.1; lzma's usual properties with a size or none; bzip2's first block or end).
 */
const COMPRESSIONS = [
  { name: 'gz', magic: /^1f8b/ },
  { name: 'zst', magic: /^28b52ffd/ },
  { name: 'lz4', magic: /^(04224d18|02214c18)/ },
  { name: 'xz', magic: /^fd377a585a00/ },
  { name: 'lzma', magic: /^5d0000..0[0-4](f{16}|[0-9a-f]{10}000000)00/ },
  { name: 'bz2', magic: /^425a683[1-9](314159265359|177245385090)/ },
] as const;

/** The magic numbers of archives: of zip its first bytes, of tar (POSIX, GNU) those behind the first file's fields. */
const ZIP = '504b0304';
const USTAR = Buffer.from('ustar').toString('hex');
const USTAR_AT = 257;
const HEAD_BYTES = 262;

export interface UnpackOptions {
  /** The image's name for users. */
  readonly name: string;
  readonly host: Pick<Host, 'packings'>;
  readonly signal: AbortSignal;
}

/**
 * Returns the path of the disk: one of the targets, or the file itself when it is not packed. Throws node's stream errors.
 * @param file a private copy of the image; an archive is removed when the disk is out of it
 */
export async function unpack(
  file: string,
  [first, second, third]: readonly [string, string, string],
  options: UnpackOptions,
): Promise<Result<string>> {
  const whole = await decompress(file, first, options);
  if (!whole.ok) return whole;
  const disk = await extract(whole.value, second, options);
  if (!disk.ok) return disk;
  // A file may be compressed twice.
  if (disk.value === whole.value) return decompress(whole.value, second, options);
  rmSync(whole.value, { force: true }); // an image has several gigabytes
  return decompress(disk.value, third, options);
}

async function decompress(
  file: string,
  target: string,
  { host, signal }: UnpackOptions,
): Promise<Result<string>> {
  const head = firstFrameOf(file);
  const name = COMPRESSIONS.find(({ magic }) => magic.test(head))?.name;
  if (name === undefined) return ok(file);
  const done = await host.packings.decompress(name, file, target, signal);
  return done.ok ? ok(target) : done;
}

/** Takes the disk out of an archive. */
async function extract(
  file: string,
  target: string,
  { name: image, host: { packings }, signal }: UnpackOptions,
): Promise<Result<string>> {
  const head = headOf(file);
  const type = head.startsWith(ZIP) ? 'zip' : head.startsWith(USTAR, USTAR_AT * 2) ? 'tar' : undefined;
  if (type === undefined) return ok(file);
  const names = await packings.list(type, file, signal);
  if (!names.ok) return names;
  const descriptor = descriptorAmong(names.value);
  let disk: Result<string>;
  if (descriptor === undefined) disk = diskAmong(names.value, image);
  else {
    const read = await packings.extract(type, file, descriptor, target, signal);
    disk = read.ok ? firstDisk(readFileSync(target, 'utf8'), image) : read;
  }
  if (!disk.ok) return disk;
  const done = await packings.extract(type, file, disk.value, target, signal);
  return done.ok ? ok(target) : done;
}

/** The first bytes of a file, in hexadecimal. */
function headOf(file: string): string {
  return withFile(file, (read) => read(0, HEAD_BYTES).toString('hex'));
}

/** What skippable frames of zstd and lz4 begin with: RFC 8878, section 3.1.2. A size follows. pzstd writes them first. */
const SKIPPABLE = /^5.2a4d18/;

/** The first bytes of a file behind its skippable frames, in hexadecimal. */
function firstFrameOf(file: string): string {
  return withFile(file, (read) => {
    let at = 0;
    let head = read(at, HEAD_BYTES);
    for (
      let frames = 0;
      frames < 100 && head.length >= 8 && SKIPPABLE.test(head.toString('hex', 0, 4));
      frames++
    ) {
      at += 8 + head.readUInt32LE(4);
      head = read(at, HEAD_BYTES);
    }
    return head.toString('hex');
  });
}
