// Compresses disks with the tools that use all processors, and puts them into the archives that clouds take.

import { createReadStream, createWriteStream, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { fail, failAt, ok } from '../../model/failure.ts';
import type { Packer } from '../../model/ports/exporter.ts';
import { systemError } from '../../util/errors.ts';
import { encodeName } from '../../util/file-name.ts';
import { dyingWithParent } from '../process/lifetime.ts';
import { type Child, commandFailure, isInstalled, missingTool, run, start } from '../process/run.ts';

/** The commands read standard input and write standard output. Blocks are of one size, whatever the number of processors. */
const COMMANDS = {
  gz: ['pigz', '--no-name', '--stdout'],
  // Readers such as virt-builder's unpack blocks of this size at once, or one alone.
  xz: ['xz', '--threads=0', '--block-size=16MiB', '--stdout'],
  zst: ['zstd', '--threads=0', '--quiet', '--stdout'],
} as const;

const compress: Packer['compress'] = async (format, source, target, signal, onProgress) => {
  const [command, ...args] = COMMANDS[format];
  if (!isInstalled(command)) return missingTool(command);
  if (signal.aborted) return fail('interrupted', `${command} was interrupted`);
  const { size } = statSync(source);
  let done = 0;
  const counted = new Transform({
    transform(chunk: Buffer, _encoding, next) {
      done += chunk.length;
      onProgress(done / size);
      next(null, chunk);
    },
  });
  const child = await start(...dyingWithParent('KILL', command, args));
  const errors = textOf(child);
  const end = () => child.kill('SIGTERM');
  signal.addEventListener('abort', end, { once: true });
  const [written, read, ended] = await Promise.all([
    pipeline(child.stdout, createWriteStream(target)).catch(systemError),
    pipeline(createReadStream(source, { highWaterMark: 1024 * 1024 }), counted, child.stdin).catch(
      systemError,
    ),
    child.ended,
  ]);
  signal.removeEventListener('abort', end);
  if (signal.aborted) return fail('interrupted', `${command} was interrupted`);
  if (!ended.ok) return ended;
  if (written) return failAt(target, 'cannot write the compressed disk', written);
  const { status, signal: killed } = ended.value;
  if (status !== 0) {
    const how = status === undefined ? `signal ${killed}` : `exit status ${status}`;
    return { ok: false, failure: commandFailure([command, ...args], how, await errors) };
  }
  return read ? failAt(source, 'cannot read the disk', read) : ok();
};

async function textOf({ stderr }: Child): Promise<string> {
  let text = '';
  for await (const chunk of stderr) text += String(chunk);
  return text;
}

/** The most that the size of a file in a ustar archive can be: eleven octal digits. */
const MOST_IN_USTAR = 8 ** 11 - 1;

const FIXED = ['--owner=0', '--group=0', '--numeric-owner', '--mode=0644', '--mtime=@0'];

const tarFiles: Packer['tarFiles'] = async (directory, names, target, signal) => {
  const largest = Math.max(0, ...names.map((name) => statSync(path.join(directory, name)).size));
  const format = largest > MOST_IN_USTAR ? 'gnu' : 'ustar';
  const places = ['--directory', directory, '--force-local', '--file', target];
  const args = [`--format=${format}`, ...FIXED, ...places, '--create', '--', ...names];
  const done = await run(...dyingWithParent('KILL', 'tar', args), { signal });
  return done.ok ? ok() : done;
};

/** GNU's old format with holes: https://cloud.google.com/compute/docs/import/import-existing-image */
const tarDisk: Packer['tarDisk'] = async (source, target, signal) => {
  const about = ['--format=oldgnu', '--sparse', ...FIXED];
  const places = ['--directory', path.dirname(source), '--force-local', '--file', target];
  const args = [...about, ...places, '--create', '--', path.basename(source)];
  const done = await run(...dyingWithParent('KILL', 'tar', args), { signal });
  return done.ok ? ok() : done;
};

const tar: Packer['tar'] = async ({ directory, names, owner, isOpen = false }, target, signal) => {
  const list = `${target}.names`;
  const bytes = names.map(encodeName).sort(Buffer.compare);
  writeFileSync(list, Buffer.concat(bytes.flatMap((name) => [name, Buffer.of(0)])));
  const pax = 'exthdr.name=%d/PaxHeaders/%f,delete=atime,delete=ctime';
  const about = ['--format=posix', `--pax-option=${pax}`, '--numeric-owner', `--owner=${owner}`];
  const modes = [`--group=${owner}`, '--mode=u=rwX,go=rX', '--mtime=@0', '--blocking-factor=1'];
  const places = ['--force-local', '--file', target, '--directory', directory, '--no-recursion'];
  const files = ['--null', '--verbatim-files-from', `--files-from=${list}`];
  const args = ['--create', ...about, ...modes, ...places, ...files];
  const done = await run(...dyingWithParent('KILL', 'tar', args), { signal });
  rmSync(list, { force: true });
  if (!done.ok) return done;
  if (isOpen) truncateSync(target, statSync(target).size - END_OF_TAR);
  return ok();
};

/** Two blocks of zeros. */
const END_OF_TAR = 1024;

export const packer: Packer = { compress, tarDisk, tarFiles, tar };
