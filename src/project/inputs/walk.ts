// Walks a layer's inputs on the host: its own directory, and whatever its bind mounts bring in.

import { isUtf8 } from 'node:buffer';
import { lstatSync, readdirSync, readlinkSync, realpathSync, type Stats, statSync } from 'node:fs';
import path from 'node:path';
import { type Failure, fail, ok, type Result } from '../../model/failure.ts';
import type { Layer } from '../../model/project.ts';
import { IGNORE_FILE, type IgnoreRules, isIgnored, prepareRules, rulesBelow } from './ignore.ts';
import { type Holdable, hold, unreadable } from './open-input.ts';

/** What node makes of bytes that are no UTF-8. */
const SUBSTITUTE = '\ufffd';

/** One tree (or single file) of inputs, and under which name the script sees it. */
export interface InputRoot {
  /** Absolute path on the host. */
  readonly source: string;
  /** `.` for the layer's own files, the absolute target for a bind mount. */
  readonly label: string;
  /** What is no input in it. */
  readonly rules: IgnoreRules;
}

/** Something met on the walk. */
export type Input = FileInput | LinkInput | DirectoryInput;

export interface FileInput extends Place {
  readonly type: 'file';
}

export interface LinkInput extends Place {
  readonly type: 'link';
  readonly target: string;
}

export interface DirectoryInput extends Place {
  readonly type: 'directory';
}

interface Place extends Holdable {
  /** As the script sees it. */
  readonly path: string;
  readonly stat: Stats;
}

/** All that a walk meets: besides the inputs, what is none. A .vlbignore has a stat, since what it says counts. */
export type Met =
  | Input
  | { readonly type: 'root'; readonly path: string; readonly stat: Stats }
  | { readonly type: 'ignored'; readonly path: string; readonly stat: Stats | undefined };

/** The trees that a layer's script gets to see. */
export function inputRoots(layer: Layer): readonly Omit<InputRoot, 'rules'>[] {
  const mounts = layer.hints.bindMounts.map((mount) => ({
    source: path.resolve(layer.directory, mount.source),
    label: mount.target,
  }));
  return [{ source: layer.directory, label: '.' }, ...mounts];
}

/**
 * Everything below a root, parents before their children; a root that is a directory comes first.
 * Symbolic links are never followed, save the root itself, nor what becomes one during the walk. Fails as `usage` on what
 * cannot be an input: sockets, FIFOs, devices, names that are no UTF-8, directories that may not be read.
 */
export async function walkInputs(root: InputRoot): Promise<Result<readonly Met[]>> {
  const { source, label, rules } = root;
  let stat: Stats;
  let real: string;
  try {
    real = realpathSync(source);
    stat = statSync(real);
  } catch (error) {
    return { ok: false, failure: unreadable(source, error) };
  }
  if (!stat.isDirectory()) {
    const file = fileInput({ path: label, source, real, stat });
    return file.ok ? ok([file.value]) : file;
  }
  await prepareRules(rules);
  const found: Met[] = [{ type: 'root', path: label, stat }];
  const wrong = await visitDirectory({ path: label, source, real }, rules, found);
  return wrong ? { ok: false, failure: wrong } : ok(found);
}

async function visitDirectory(
  directory: Omit<Place, 'stat'>,
  above: IgnoreRules,
  found: Met[],
): Promise<Failure | undefined> {
  const { source } = directory;
  const held = hold(directory, 'directory');
  if (!held.ok) return held.failure;
  using open = held.value;
  const names = namesIn(open.path, source);
  if (!names.ok) return names.failure;
  let rules = above;
  if (names.value.includes(IGNORE_FILE)) {
    const own = rulesBelow(source, above);
    if (!own.ok) return own.failure;
    rules = own.value;
    await prepareRules(rules);
  }
  for (const name of names.value) {
    const met = meet(name, directory, open.path, rules);
    if (!met.ok) return met.failure;
    found.push(met.value);
    if (met.value.type !== 'directory') continue;
    const wrong = await visitDirectory(met.value, rules, found);
    if (wrong) return wrong;
  }
  return undefined;
}

/** The names in a directory that is held open. */
function namesIn(held: string, source: string): Result<readonly string[]> {
  try {
    const names = readdirSync(held);
    // What is no UTF-8 reads as U+FFFD; but that may be in a name itself.
    const wrong = names.some((name) => name.includes(SUBSTITUTE))
      ? readdirSync(held, { encoding: 'buffer' }).find((name) => !isUtf8(name))
      : undefined;
    return wrong ? { ok: false, failure: notUtf8("a file's name", wrong, source) } : ok(names);
  } catch (error) {
    return { ok: false, failure: unreadable(source, error) };
  }
}

/** @param held the path by which the directory is held open */
function meet(name: string, directory: Omit<Place, 'stat'>, held: string, rules: IgnoreRules): Result<Met> {
  const path = `${directory.path}/${name}`;
  const source = `${directory.source}/${name}`;
  const real = `${directory.real}/${name}`;
  let stat: Stats;
  let target = '';
  try {
    stat = lstatSync(`${held}/${name}`);
    if (stat.isSymbolicLink()) target = readlinkSync(`${held}/${name}`);
  } catch (error) {
    return { ok: false, failure: unreadable(source, error) };
  }
  if (name === IGNORE_FILE) return ok({ type: 'ignored', path, stat });
  if (isIgnored(source, stat.isDirectory(), rules)) return ok({ type: 'ignored', path, stat: undefined });
  if (stat.isDirectory()) return ok({ type: 'directory', path, source, real, stat });
  if (!stat.isSymbolicLink()) return fileInput({ path, source, real, stat });
  const bytes = target.includes(SUBSTITUTE) ? readlinkSync(`${held}/${name}`, 'buffer') : undefined;
  if (bytes && !isUtf8(bytes)) {
    return { ok: false, failure: notUtf8('the target of a link', bytes, source) };
  }
  return ok({ type: 'link', path, source, real, stat, target });
}

function fileInput(met: Place): Result<FileInput> {
  if (met.stat.isFile()) return ok({ type: 'file', ...met });
  return fail('usage', 'a socket, FIFO or device cannot be an input of a layer', {
    where: { file: met.source },
    hint: `move it out of the layer, or name it in ${IGNORE_FILE}`,
  });
}

function notUtf8(what: string, bytes: Buffer, file: string): Failure {
  return fail('usage', `${what} is not valid UTF-8: ${JSON.stringify(bytes.toString())}`, {
    where: { file },
    hint: 'rename it',
  }).failure;
}
