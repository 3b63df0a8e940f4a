// Creates, reads and converts qcow2 files with qemu-img. Formats are always given, never guessed from a disk's content.

import { createReadStream, renameSync, rmSync, statSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { Writable } from 'node:stream';
import { fail, failAt, ok, type Result } from '../../model/failure.ts';
import type { ConvertTo, ImageInfo, Images } from '../../model/ports/machine.ts';
import { dyingWithParent } from '../process/lifetime.ts';
import { run } from '../process/run.ts';
import { digestFile } from './digest.ts';
import { recognizeFormat } from './format.ts';
import { hasIdentity, setIdentity } from './identity.ts';
import { isSparse, type Range, readSparse, sparseFile } from './sparse-file.ts';

export const qemuImg: Images = {
  create,
  recognize: recognizeFormat,
  info,
  isConsistent,
  read,
  digest,
  write: sparseFile,
  commit,
  resize,
  setBacking,
  rebase,
  compact,
  convert,
};

/** Up to sixteen coroutines, and writes out of order: takes a tenth of the time of the defaults. */
const QUICK = ['-m', String(Math.min(16, availableParallelism() * 8)), '-W'];

/** Holes of fewer bytes, or of less than a tenth of the content, stay in a delta. */
const HOLES_WORTH = 1024 * 1024;

async function create(
  file: string,
  { backing: name, backingFormat = 'qcow2', ...options }: Parameters<Images['create']>[1],
): Promise<Result<void>> {
  const backing = name === undefined ? [] : ['-b', name, '-F', backingFormat];
  const size = options.size === undefined ? [] : [String(options.size)];
  const unseen = options.unseen ? ['-u'] : [];
  const done = await run('qemu-img', ['create', '-q', '-f', 'qcow2', ...unseen, ...backing, file, ...size]);
  return done.ok ? ok() : done;
}

/** The fields of `qemu-img info --output=json` that are read here (QEMU's docs/interop, "ImageInfo"). */
interface InfoJson {
  readonly format: string;
  readonly 'virtual-size': number;
  readonly 'backing-filename'?: string;
  readonly encrypted?: boolean;
  readonly 'format-specific'?: { readonly data?: { readonly 'data-file'?: string } };
}

async function info(file: string, format?: string): Promise<Result<ImageInfo>> {
  const given = format === undefined ? [] : ['-f', format];
  const done = await run('qemu-img', ['info', '--force-share', '--output=json', ...given, file]);
  if (!done.ok) return done;
  const json: InfoJson = JSON.parse(done.value.stdout); // the form is qemu's promise
  return ok({
    format: json.format,
    virtualSize: json['virtual-size'],
    backing: json['backing-filename'],
    externalData: json['format-specific']?.data?.['data-file'] !== undefined,
    encrypted: json.encrypted === true,
  });
}

/** Exit statuses of `qemu-img check`: corruptions, and leaks only. */
const CORRUPT = 2;
const LEAKS = 3;
const NO_CHECK = 63;
/** For a corrupt vmdk the check does not end. */
const INCOMPLETE = 1;

async function isConsistent(file: string, format: string, signal: AbortSignal): Promise<Result<boolean>> {
  const corrupt = format === 'vmdk' ? [CORRUPT, INCOMPLETE] : [CORRUPT];
  const done = await run('qemu-img', ['check', '-q', '-f', format, file], {
    okStatuses: [0, LEAKS, NO_CHECK, ...corrupt],
    signal,
    discardErrors: true, // a line for each cluster
  });
  return done.ok ? ok(!corrupt.includes(done.value.status)) : done;
}

/** The fields of `qemu-img map --output=json` that are read here (QEMU's docs/tools/qemu-img.rst). */
interface MapJson {
  readonly start: number;
  readonly length: number;
  readonly data: boolean;
}

async function read(file: string, signal: AbortSignal): Promise<AsyncIterable<Buffer>> {
  const ranges = await rangesOf(file, signal);
  // The usual size of a piece takes three times as long.
  return ranges ? readSparse(file, ranges) : createReadStream(file, { highWaterMark: 1 << 20 });
}

async function digest(file: string, signal: AbortSignal): Promise<string> {
  return digestFile(file, await rangesOf(file, signal), signal);
}

/** What is to be read of a file; undefined for all of it. */
async function rangesOf(file: string, signal: AbortSignal): Promise<readonly Range[] | undefined> {
  if (!isSparse(statSync(file))) return undefined;
  const args = ['map', '--force-share', '--output=json', '-f', 'raw', path.resolve(file)];
  const done = await run('qemu-img', args, { signal });
  if (!done.ok) return undefined;
  const map: readonly MapJson[] = JSON.parse(done.value.stdout); // the form is qemu's promise
  return map.filter(({ data }) => data);
}

async function resize(file: string, size: number): Promise<Result<void>> {
  const done = await run('qemu-img', ['resize', '-q', '-f', 'qcow2', file, String(size)]);
  return done.ok ? ok() : done;
}

async function setBacking(file: string, backing: string): Promise<Result<void>> {
  const done = await run('qemu-img', ['rebase', '-q', '-u', ...overBacking(backing), file]);
  return done.ok ? ok() : done;
}

async function commit(file: string): Promise<Result<void>> {
  // In a session of its own, which no ^C reaches: half of it would leave the image damaged. With -d, the overlay is not
  // emptied, and can be written again after a failure.
  const done = await run('setsid', ['--wait', 'qemu-img', 'commit', '-q', '-d', '-f', 'qcow2', file]);
  return done.ok ? ok() : done;
}

async function rebase(file: string, backing: string, signal: AbortSignal): Promise<Result<void>> {
  const args = ['rebase', '-q', ...overBacking(backing), file];
  const done = await run(...dyingWithParent('KILL', 'qemu-img', args), { signal });
  return done.ok ? ok() : done;
}

function overBacking(backing: string): readonly string[] {
  return ['-f', 'qcow2', '-b', backing, '-F', 'qcow2'];
}

async function compact(
  file: string,
  backing: string | undefined,
  signal: AbortSignal,
): Promise<Result<void>> {
  // As the file system reports it, which costs nothing. On one that compresses, some deltas are rewritten for no gain.
  const stat = statSync(file, { throwIfNoEntry: false });
  if (!stat) return fail('host', "the layer's disk no longer exists", { where: { file } });
  const { size, blocks } = stat;
  const content = blocks * 512;
  if (size - content < Math.max(HOLES_WORTH, content / 10)) return ok();
  const target = `${file}.compact`;
  const format = ['-f', 'qcow2', '-O', 'qcow2'];
  const over = backing === undefined ? [] : ['-B', backing, '-F', 'qcow2'];
  try {
    const args = ['convert', ...QUICK, ...format, ...over, file, target];
    const done = await run(...dyingWithParent('KILL', 'qemu-img', args), { signal });
    if (!done.ok) return done;
    renameSync(target, file);
    return ok();
  } catch (error) {
    return failAt(file, "cannot write the layer's disk", error);
  } finally {
    rmSync(target, { force: true });
  }
}

async function convert(
  source: string,
  format: string,
  target: string,
  signal: AbortSignal,
  { format: written, options = [], compress = false, identity, onProgress }: ConvertTo = { format: 'qcow2' },
): Promise<Result<void>> {
  // Other formats are written in order, so that the same disk becomes the same file wherever the format allows it.
  const quick = written === 'qcow2' || written === 'raw' ? QUICK : [];
  const args = [
    'convert',
    ...quick,
    ...(compress ? ['-c'] : []),
    ...(onProgress ? ['-p'] : []),
    ...['-f', format, '-O', written],
    ...(options.length > 0 ? ['-o', options.join(',')] : []),
    ...[path.resolve(source), path.resolve(target)],
  ];
  const done = await run(...dyingWithParent('KILL', 'qemu-img', args), {
    signal,
    ...(onProgress ? { output: progressOf(onProgress) } : {}),
  });
  if (!done.ok) return done;
  return identity !== undefined && hasIdentity(written) ? setIdentity(target, written, identity) : ok();
}

/** Reads what `qemu-img convert -p` prints: `    (12.34/100%)` and a carriage return, again and again. */
function progressOf(onProgress: (part: number) => void): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      const percent = /\(([\d.]+)\/100%\)[^(]*$/.exec(chunk.toString('latin1'))?.[1];
      if (percent !== undefined) onProgress(Number(percent) / 100);
      done();
    },
  });
}
