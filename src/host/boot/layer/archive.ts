// What a guest is sent: a tar archive, with small files from memory in front of a directory of this machine. Secrets are in no file here.

import { once } from 'node:events';
import type { Socket } from 'node:net';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';
import { fail, ok, type Result } from '../../../model/failure.ts';
import { start } from '../../process/run.ts';

export interface SmallFile {
  /** Relative, of at most 100 bytes. */
  readonly name: string;
  readonly content: Buffer;
}

/** The longest name in a header of tar. */
export const LONGEST_NAME = 100;

const BLOCK = 512;

/**
 * Sends the archive and ends that side of the connection. Everything in it belongs to root.
 * @param directory is in the archive under its own name
 * Fails as `host` when the files cannot be read; a guest that does not take it is the caller's to find out.
 */
export async function sendArchive(
  socket: Socket,
  files: readonly SmallFile[],
  directory: string,
): Promise<Result<void>> {
  for (const { name, content } of files) {
    const padding = Buffer.alloc((BLOCK - (content.length % BLOCK)) % BLOCK);
    if (!socket.write(Buffer.concat([header(name, content.length), content, padding]))) {
      await Promise.race([once(socket, 'drain'), once(socket, 'close')]).catch(() => {}); // the guest has ended
    }
  }
  const root = ['--owner=0', '--group=0', '--numeric-owner', '--format=gnu'];
  const tar = await start('tar', [
    ...root,
    '-cf',
    '-',
    '-C',
    path.dirname(directory),
    path.basename(directory),
  ]);
  tar.stdin.end();
  tar.stderr.resume();
  await pipeline(tar.stdout, socket).catch(() => tar.kill('SIGKILL')); // the guest has ended
  const ended = await tar.ended;
  if (!ended.ok) return ended;
  if (ended.value.status === 0 || socket.errored || ended.value.signal !== undefined) return ok();
  return fail('host', `tar failed with exit status ${ended.value.status}`, { where: { file: directory } });
}

/** A header of POSIX.1-1988 for a file that its owner can read. */
export function header(name: string, size: number): Buffer {
  const block = Buffer.alloc(BLOCK);
  block.write(name, 0, LONGEST_NAME, 'utf8');
  const octal = (value: number, at: number, digits: number) =>
    block.write(`${value.toString(8).padStart(digits, '0')}\0`, at, 'latin1');
  octal(0o400, 100, 7);
  octal(0, 108, 7);
  octal(0, 116, 7);
  octal(size, 124, 11);
  octal(0, 136, 11);
  block.write('        0', 148, 'latin1');
  block.write('ustar\0', 257, 'latin1');
  block.write('00', 263, 'latin1');
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
}
