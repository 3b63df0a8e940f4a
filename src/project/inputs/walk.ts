// Walks a layer's inputs on the host: its own directory and the sources of its bind mounts.

import { isUtf8 } from 'node:buffer';
import { lstatSync, readdirSync, readlinkSync, realpathSync, type Stats, statSync } from 'node:fs';
import path from 'node:path';
import { type Failure, fail, ok, type Result } from '../../model/failure.ts';
import type { Layer } from '../../model/project.ts';
import { IGNORE_FILE, type IgnoreRules, isIgnored, prepareRules, rulesBelow } from './ignore.ts';
import { type InputPath, openInput } from './open-input.ts';
import { unreadable } from './read-file.ts';

/** Node's replacement for bytes that are not valid UTF-8. */
const SUBSTITUTE = '\ufffd';

/** A tree (or single file) of inputs, and the path under which the script sees it. */
export interface InputRoot {
  /** Absolute path on the host. */
  readonly source: string;
  /** `.` for the layer's own files, the absolute target for a bind mount. */
  readonly label: string;
  /** The ignore rules of the directories above it. */
  readonly rules: IgnoreRules;
  /** Paths of files that the script does not see, in any case. */
  readonly hidden?: readonly string[];
}

export type Input = FileInput | LinkInput | DirectoryInput;

export interface FileInput extends InputEntry {
  readonly type: 'file';
}

export interface LinkInput extends InputEntry {
  readonly type: 'link';
  readonly target: string;
}

export interface DirectoryInput extends InputEntry {
  readonly type: 'directory';
}

interface InputEntry extends InputPath {
  /** The path as the script sees it. */
  readonly path: string;
  readonly stat: Stats;
}

/** A result of the walk: an input, a root, or an ignored file. A .vlbignore has a stat, since its contents count. */
export type WalkEntry =
  | Input
  | { readonly type: 'root'; readonly path: string; readonly stat: Stats }
  | { readonly type: 'ignored'; readonly path: string; readonly stat: Stats | undefined };

/** The trees that a layer's script can see. */
export function inputRoots(layer: Layer): readonly Omit<InputRoot, 'rules'>[] {
  const mounts = layer.hints.bindMounts.map((mount) => ({
    source: path.resolve(layer.directory, mount.source),
    label: mount.target,
  }));
  // What describes steps is not seen by them: their own texts are in the key.
  const hidden = layer.steps?.files.map((name) => `./${name}`);
  return [{ source: layer.directory, label: '.', ...(hidden ? { hidden } : {}) }, ...mounts];
}

/**
 * All entries below a root, parents before children, preceded by the root itself if it is a directory.
 * Only the root itself may be a symbolic link; other links are not followed, not even those that replace a directory during
 * the walk. Fails as `usage` on what cannot be an input: sockets, FIFOs, devices, invalid UTF-8, unreadable directories.
 */
export async function walkInputs(root: InputRoot): Promise<Result<readonly WalkEntry[]>> {
  const { source, label, rules } = root;
  let stat: Stats;
  let real: string;
  try {
    real = realpathSync(source);
    stat = statSync(real);
  } catch (error) {
    return unreadable('this input', source, error);
  }
  if (!stat.isDirectory()) {
    const file = fileInput({ path: label, source, real, stat });
    return file.ok ? ok([file.value]) : file;
  }
  await prepareRules(rules);
  const found: WalkEntry[] = [{ type: 'root', path: label, stat }];
  const wrong = await visitDirectory({ path: label, source, real }, rules, found);
  if (wrong) return { ok: false, failure: wrong };
  const { hidden } = root;
  if (!hidden) return ok(found);
  return ok(
    found.map((entry) =>
      hidden.includes(entry.path) ? { type: 'ignored', path: entry.path, stat: undefined } : entry,
    ),
  );
}

async function visitDirectory(
  directory: Omit<InputEntry, 'stat'>,
  above: IgnoreRules,
  found: WalkEntry[],
): Promise<Failure | undefined> {
  const { source } = directory;
  const opened = openInput(directory, 'directory');
  if (!opened.ok) return opened.failure;
  using open = opened.value;
  const names = entryNames(open.path, source);
  if (!names.ok) return names.failure;
  let rules = above;
  if (names.value.includes(IGNORE_FILE)) {
    const own = rulesBelow(source, above);
    if (!own.ok) return own.failure;
    rules = own.value;
    await prepareRules(rules);
  }
  for (const name of names.value) {
    const entry = readEntry(name, directory, open.path, rules);
    if (!entry.ok) return entry.failure;
    found.push(entry.value);
    if (entry.value.type !== 'directory') continue;
    const wrong = await visitDirectory(entry.value, rules, found);
    if (wrong) return wrong;
  }
  return undefined;
}

/** The names in an open directory. */
function entryNames(opened: string, source: string): Result<readonly string[]> {
  try {
    const names = readdirSync(opened);
    // Invalid UTF-8 is read as U+FFFD, but that character may also be part of a valid name.
    const wrong = names.some((name) => name.includes(SUBSTITUTE))
      ? readdirSync(opened, { encoding: 'buffer' }).find((name) => !isUtf8(name))
      : undefined;
    return wrong ? { ok: false, failure: notUtf8("a file's name", wrong, source) } : ok(names);
  } catch (error) {
    return unreadable('this input', source, error);
  }
}

/** @param opened the path of the open directory */
function readEntry(
  name: string,
  directory: Omit<InputEntry, 'stat'>,
  opened: string,
  rules: IgnoreRules,
): Result<WalkEntry> {
  const path = `${directory.path}/${name}`;
  const source = `${directory.source}/${name}`;
  const real = `${directory.real}/${name}`;
  let stat: Stats;
  let target = '';
  try {
    stat = lstatSync(`${opened}/${name}`);
    if (stat.isSymbolicLink()) target = readlinkSync(`${opened}/${name}`);
  } catch (error) {
    return unreadable('this input', source, error);
  }
  if (name === IGNORE_FILE) return ok({ type: 'ignored', path, stat });
  if (isIgnored(source, stat.isDirectory(), rules)) return ok({ type: 'ignored', path, stat: undefined });
  if (stat.isDirectory()) return ok({ type: 'directory', path, source, real, stat });
  if (!stat.isSymbolicLink()) return fileInput({ path, source, real, stat });
  const bytes = target.includes(SUBSTITUTE) ? readlinkSync(`${opened}/${name}`, 'buffer') : undefined;
  if (bytes && !isUtf8(bytes)) {
    return { ok: false, failure: notUtf8('the target of a link', bytes, source) };
  }
  return ok({ type: 'link', path, source, real, stat, target });
}

function fileInput(entry: InputEntry): Result<FileInput> {
  if (entry.stat.isFile()) return ok({ type: 'file', ...entry });
  return fail('usage', 'a socket, FIFO or device cannot be an input of a layer', {
    where: { file: entry.source },
    hint: `move it out of the layer, or add it to ${IGNORE_FILE}`,
  });
}

function notUtf8(what: string, bytes: Buffer, file: string): Failure {
  return fail('usage', `${what} is not valid UTF-8: ${JSON.stringify(bytes.toString())}`, {
    where: { file },
    hint: 'rename it',
  }).failure;
}
