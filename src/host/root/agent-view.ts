// The commands of the root side that look at finished disks, those of agent/view.sh: a typed function each, as in agent.ts.

import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import type { Writable } from 'node:stream';
import { finished } from 'node:stream/promises';
import { fail, failAt, ok, type Result } from '../../model/failure.ts';
import { lastLines } from '../process/run.ts';
import { done, printed } from './answers.ts';
import type { RootShell } from './root-shell.ts';

/** Writes lists of a mounted system to two files: everything, in a format of find's -printf, and its device nodes. */
export function listFiles(
  shell: RootShell,
  root: string,
  { files, devices, format }: { files: string; devices: string; format: string },
) {
  return done(shell, ['list_files', root, files, devices, format]);
}

/** Writes to a file what a command prints on those files of a mounted system that a list names, each ended by NUL. */
export function onFiles(
  shell: RootShell,
  root: string,
  { names, output, argv }: { names: string; output: string; argv: readonly string[] },
) {
  return done(shell, ['on_files', root, names, output, ...argv]);
}

/** Copies a file of a mounted system, or the target of a link. Returns its type, one of the words that `copy_out` prints. */
export async function copyOut(
  shell: RootShell,
  root: string,
  source: string,
  target: string,
): Promise<Result<string>> {
  const type = await printed(shell, ['copy_out', root, source, target]);
  return type.ok ? ok(type.value.trim()) : type;
}

/** Returns the first bytes of a regular file of a mounted system; none where it has no such file. */
export async function programHead(
  shell: RootShell,
  root: string,
  program: string,
  length: number,
): Promise<Result<Buffer>> {
  const text = await printed(shell, ['program_head', root, program, String(length)]);
  return text.ok ? ok(Buffer.from(text.value, 'base64')) : text;
}

/** Appends an archive of a mounted system to a file. @param options of tar(1), and the names of files after `--` */
export async function archive(
  shell: RootShell,
  root: string,
  output: string,
  options: readonly string[],
): Promise<Result<void>> {
  if (shell.files.areHere) return done(shell, ['archive', root, output, ...options]);
  const file = createWriteStream(output, { flags: 'a' });
  const closed = finished(file);
  try {
    const [printed] = await Promise.all([printArchive(shell, root, file, options), closed]);
    return printed;
  } catch (error) {
    return failAt(output, 'cannot write the archive', error);
  }
}

/** Writes an archive of a mounted system to a stream, and ends that. @param options as those of `archive` */
export async function printArchive(
  shell: RootShell,
  root: string,
  output: Writable,
  options: readonly string[],
): Promise<Result<void>> {
  const said: Buffer[] = [];
  const gone = new Promise<void>((resolve) => output.once('close', resolve));
  const status = await shell.pass(['print_archive', root, ...options], {
    stdout: (chunk) =>
      output.destroyed || output.write(chunk)
        ? undefined
        : Promise.race([once(output, 'drain').then(() => undefined), gone]),
    stderr: (chunk) => void (said.length < MOST_SAID && said.push(Buffer.from(chunk))),
  });
  output.end();
  if (!status.ok) return status;
  if (status.value === 0) return ok();
  return fail('host', `tar failed with exit status ${status.value}`, {
    detail: lastLines(Buffer.concat(said).toString(), 5),
  });
}

/** How many pieces of what tar prints are kept. */
const MOST_SAID = 100;

/** The mode, in octal digits, the owner, group and time, in s, of the root of a mounted system. Fails as `host` for another answer. */
export async function rootFacts(shell: RootShell, root: string): Promise<Result<readonly string[]>> {
  const said = await printed(shell, ['stat', '--format', '%a %u %g %Y', root]);
  if (!said.ok) return said;
  const [, ...facts] = /^([0-7]{1,4}) (\d{1,10}) (\d{1,10}) (\d{1,10})$/.exec(said.value.trim()) ?? [];
  return facts.length === 4 ? ok(facts) : fail('host', `stat printed nothing that describes ${root}`);
}

/** Writes a squashfs of a mounted system. @param options of mksquashfs(1) */
export function squash(shell: RootShell, root: string, target: string, options: readonly string[]) {
  return done(shell, ['squash', root, target, ...options]);
}

/** Copies a mounted system to a new directory. Returns the bytes that it takes there. */
export async function copyTree(shell: RootShell, root: string, target: string): Promise<Result<number>> {
  const bytes = await printed(shell, ['copy_tree', root, target]);
  return bytes.ok ? ok(Number(bytes.value)) : bytes;
}

/** Shows a mounted system, read-only, at another place too. */
export function showAt(shell: RootShell, root: string, place: string) {
  return done(shell, ['show_at', root, place]);
}
