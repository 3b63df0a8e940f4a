// Writes a disk over what is in a place, flushes it, reads it back and compares. Blocks without data are discarded, or written
// as zeros where the place cannot discard: they read as zeros in any case.

import { closeSync, constants, openSync } from 'node:fs';
import { Writable } from 'node:stream';
import { fail, ok, type Result } from '../../model/failure.ts';
import type { DeployListener, DeploySource, DeployWish } from '../../model/ports/deployer.ts';
import { attempt } from '../../util/errors.ts';
import type { DeployTools } from '../tools.ts';

export type DiskWish = Omit<DeployWish, 'target'>;

export interface Place {
  /** Of the size of the disk at least. A file has to consist of zeros. */
  readonly file: string;
  readonly isDevice: boolean;
  /** Whether every block is written. */
  readonly full: boolean;
}

/** Exit status of `qemu-img compare` for disks that differ. */
const DIFFERENT = 1;

/** Fails as `host` when it cannot be written, or reads as something else; or as `interrupted`. */
export async function writeDisk(
  source: DeploySource,
  place: Place,
  { run }: DeployTools,
  listener: DeployListener,
  signal: AbortSignal,
): Promise<Result<void>> {
  const direct = canBypassCache(place.file);
  const input = options({ driver: 'qcow2', 'file.driver': 'file', 'file.filename': source.file });
  // The size ends the disk before the end of a larger device.
  const output = options({
    driver: 'raw',
    size: String(source.size),
    'file.driver': place.isDevice ? 'host_device' : 'file',
    'file.filename': place.file,
    ...(direct ? { 'cache.direct': 'on' } : {}),
  });
  const follow = {
    tied: true,
    output: progressOf((part) => listener.progress(Math.round(part * source.bytes), source.bytes)),
    signal,
  };
  listener.stage('write');
  const how = place.full ? ['-S', '0'] : place.isDevice ? [] : ['--target-is-zero'];
  const cache = direct ? 'none' : 'writeback'; // both flush at the end
  const convert = [
    'convert',
    '-p',
    '-n',
    '-W',
    '-t',
    cache,
    ...how,
    '--image-opts',
    '--target-image-opts',
    input,
    output,
  ];
  const written = await run('qemu-img', convert, follow);
  if (!written.ok) return written;
  listener.stage('compare');
  const compared = await run('qemu-img', ['compare', '-p', '--image-opts', input, output], {
    ...follow,
    okStatuses: [0, DIFFERENT],
  });
  if (!compared.ok) return compared;
  if (compared.value.status === 0) return ok();
  return fail('host', 'the disk reads as something else than was written to it', {
    where: { file: place.file },
    hint: 'use another device; this one may be broken (see dmesg)',
  });
}

/** Whether a file can be read from the disk that it is on, and not from memory: some file systems cannot. */
function canBypassCache(file: string): boolean {
  return (
    attempt(() => closeSync(openSync(file, constants.O_RDONLY | constants.O_DIRECT)) === undefined) === true
  );
}

/** A block device node as QEMU's command line has it: a comma in a value is doubled. */
function options(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}=${value.replaceAll(',', ',,')}`)
    .join(',');
}

/** Reads what `qemu-img -p` prints: `    (12.34/100%)` and a carriage return, again and again. */
function progressOf(onProgress: (part: number) => void): Writable {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      const percent = /\(([\d.]+)\/100%\)[^(]*$/.exec(chunk.toString('latin1'))?.[1];
      if (percent !== undefined) onProgress(Number(percent) / 100);
      done();
    },
  });
}
