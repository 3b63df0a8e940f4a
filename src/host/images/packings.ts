// Unpacks images, with Node's decompressors and with the tools for the other formats. All write to a file that vlb names: no name in an archive is ever created.

import { once } from 'node:events';
import { createReadStream, createWriteStream, statSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import { fail, ok, type Result } from '../../model/failure.ts';
import type { Packings } from '../../model/ports/machine.ts';
import { dyingWithParent } from '../process/lifetime.ts';
import { isInstalled, missingTool, type Output, type RunOptions, run } from '../process/run.ts';
import { sparseFile } from './sparse-file.ts';

export const packings: Packings = {
  decompress: async (format, source, target, signal) => {
    if (format === 'gz') {
      const packed = createReadStream(source, { highWaterMark: CHUNK });
      await pipeline(packed, createGunzip({ chunkSize: CHUNK }), sparseFile(target), { signal });
      return ok();
    }
    const [command, ...args] = DECOMPRESSORS[format];
    return toFile(command, [...args, source], target, signal);
  },
  list: async (format, source, signal) => {
    if (format === 'zip') {
      const listed = await runTool('unzip', ['-Z1', source], { signal });
      return listed.ok ? ok(lines(listed.value.stdout).filter((name) => !name.endsWith('/'))) : listed;
    }
    const listed = await runTool('tar', [...tarFile(source), ...LIST], { signal, env: { LC_ALL: 'C' } });
    return listed.ok
      ? ok(lines(listed.value.stdout).flatMap((line) => TAR_FILE.exec(line)?.[1] ?? []))
      : listed;
  },
  extract: async (format, source, name, target, signal) => {
    // unzip takes patterns; and with a password, which is wrong, it does not ask for one on the terminal.
    const [command, ...args] =
      format === 'zip'
        ? (['unzip', '-p', '-P', 'none', source, name.replaceAll(/[[*?\\]/g, '\\$&')] as const)
        : (['tar', ...tarFile(source), '--extract', '--to-stdout', '--', name] as const);
    if (format === 'tar' && (await isSparseMember(source, name, signal))) {
      // Into a stream, tar would write each hole in pieces of 512 bytes.
      const output = createWriteStream(target);
      await once(output, 'open');
      try {
        const done = await runTool(command, args, { signal, output });
        return done.ok ? ok() : done;
      } finally {
        output.destroy();
      }
    }
    return toFile(command, args, target, signal);
  },
};

/** Whether a file has holes that are not in its archive: it is larger than that. */
async function isSparseMember(source: string, name: string, signal: AbortSignal): Promise<boolean> {
  const listed = await runTool('tar', [...tarFile(source), ...LIST, '--', name], {
    signal,
    env: { LC_ALL: 'C' },
  });
  const [, size = 0] = (listed.ok && /^\S+ +\S+ +(\d+) /.exec(listed.value.stdout)) || [];
  return Number(size) > statSync(source).size;
}

const LIST = ['--list', '--verbose', '--numeric-owner', '--quoting-style=literal'];

/** Pieces of the usual size take three times as long. */
const CHUNK = 1 << 20;

/** Node's decompressor for zstd ends with the first frame, of which others write many. */
const DECOMPRESSORS = {
  zst: ['zstd', '--decompress', '--stdout', '--quiet', '--long=31'],
  lz4: ['lz4', '--decompress', '--stdout', '--quiet'],
  xz: ['xz', '--decompress', '--stdout', '--threads=0'],
  lzma: ['xz', '--decompress', '--stdout', '--format=lzma'],
  bz2: ['bzip2', '--decompress', '--stdout'],
} as const;

/** A regular file in tar's verbose list: mode, owner, size, date, time, name. */
const TAR_FILE = /^-\S+ +\S+ +\d+ \S+ \S+ (.+)$/;

/** A name with a colon is not a tape on another machine. */
function tarFile(source: string): readonly string[] {
  return ['--force-local', '--file', source];
}

function lines(text: string): readonly string[] {
  return text.split('\n').filter((line) => line !== '');
}

async function toFile(
  command: string,
  args: readonly string[],
  target: string,
  signal: AbortSignal,
): Promise<Result<void>> {
  const done = await runTool(command, args, { signal, output: sparseFile(target) });
  return done.ok ? ok() : done;
}

/** What zstd and lz4 say in their own ways. */
const END = 'unexpected end of file';

/** What the tools say about a file, without its name and what follows from it. */
const REASON =
  /unexpected end of file|Compressed file ends unexpectedly|Data integrity error|Unexpected EOF in archive|.*Not found in archive|End-of-central-directory signature not found|bad CRC/;

/** unzip's exit status for a wrong password, which it does not explain. */
const WRONG_PASSWORD = 82;

async function runTool(
  command: string,
  args: readonly string[],
  options: RunOptions,
): Promise<Result<Output>> {
  if (!isInstalled(command)) return missingTool(command);
  const okStatuses = command === 'unzip' ? [0, WRONG_PASSWORD] : [0];
  const done = await run(...dyingWithParent('KILL', command, args), { ...options, okStatuses });
  if (done.ok && done.value.status === WRONG_PASSWORD) {
    return fail('host', 'unzip cannot read an encrypted file', { detail: ['it requires a password'] });
  }
  if (done.ok) return done;
  const { failure } = done;
  const said = failure.detail?.map((line) =>
    line.replace(/Read error \(39\) : premature end|Error \d+ : Unfinished stream/, END),
  );
  const reason = said?.flatMap((line) => REASON.exec(line)?.[0] ?? []).at(-1);
  return reason === undefined ? done : { ok: false, failure: { ...failure, detail: [reason] } };
}
