// Walks a layer's inputs on the host: its own directory, and whatever its bind mounts bring in.

import { lstatSync, readdirSync, readlinkSync, type Stats, statSync } from 'node:fs';
import path from 'node:path';
import { type Failure, fail, ok, type Result } from '../model/failure.ts';
import type { Layer } from '../model/layer.ts';
import { IGNORE_FILE, type IgnoreRules, isIgnored, prepareRules, rulesBelow } from './ignore.ts';

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

interface Place {
  /** As the script sees it. */
  readonly path: string;
  /** Absolute path on the host. */
  readonly source: string;
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
 * Symbolic links are never followed, save the root itself. Fails as `usage` on what cannot be an input:
 * sockets, FIFOs, devices, names that are no UTF-8, files that may not be read.
 */
export async function walkInputs(root: InputRoot): Promise<Result<readonly Met[]>> {
  const { source, label, rules } = root;
  let stat: Stats;
  try {
    stat = statSync(source);
  } catch (error) {
    return { ok: false, failure: unreadable(source, error) };
  }
  if (!stat.isDirectory()) {
    const file = fileInput({ path: label, source, stat });
    return file.ok ? ok([file.value]) : file;
  }
  await prepareRules(rules);
  const found: Met[] = [{ type: 'root', path: label, stat }];
  const wrong = await visitDirectory(source, label, rules, found);
  return wrong ? { ok: false, failure: wrong } : ok(found);
}

async function visitDirectory(
  source: string,
  label: string,
  above: IgnoreRules,
  found: Met[],
): Promise<Failure | undefined> {
  let names: string[];
  try {
    names = readdirSync(source);
  } catch (error) {
    return unreadable(source, error);
  }
  let rules = above;
  if (names.includes(IGNORE_FILE)) {
    rules = rulesBelow(source, above);
    await prepareRules(rules);
  }
  for (const name of names) {
    if (name.includes('\ufffd')) return notUtf8("a file's name", name, source);
    const met = meet(`${source}/${name}`, `${label}/${name}`, rules);
    if (!met.ok) return met.failure;
    found.push(met.value);
    if (met.value.type !== 'directory') continue;
    const wrong = await visitDirectory(met.value.source, met.value.path, rules, found);
    if (wrong) return wrong;
  }
  return undefined;
}

function meet(source: string, name: string, rules: IgnoreRules): Result<Met> {
  let stat: Stats;
  try {
    stat = lstatSync(source);
  } catch (error) {
    return { ok: false, failure: unreadable(source, error) };
  }
  if (path.basename(source) === IGNORE_FILE) return ok({ type: 'ignored', path: name, stat });
  if (isIgnored(source, stat.isDirectory(), rules))
    return ok({ type: 'ignored', path: name, stat: undefined });
  if (stat.isDirectory()) return ok({ type: 'directory', path: name, source, stat });
  if (!stat.isSymbolicLink()) return fileInput({ path: name, source, stat });
  const target = readlinkSync(source);
  if (target.includes('\ufffd')) {
    return { ok: false, failure: notUtf8('the target of a link', target, source) };
  }
  return ok({ type: 'link', path: name, source, stat, target });
}

function fileInput(met: Place): Result<FileInput> {
  if (met.stat.isFile()) return ok({ type: 'file', ...met });
  return fail('usage', 'a socket, FIFO or device cannot be an input of a layer', {
    where: { file: met.source },
    hint: `move it out of the layer, or name it in ${IGNORE_FILE}`,
  });
}

function notUtf8(what: string, text: string, file: string): Failure {
  return fail('usage', `${what} is not valid UTF-8: ${JSON.stringify(text)}`, {
    where: { file },
    hint: 'rename it',
  }).failure;
}

function unreadable(file: string, error: unknown): Failure {
  const { code } = error as NodeJS.ErrnoException; // node's fs throws nothing else
  const message = code === 'ENOENT' ? 'this input does not exist' : `this input cannot be read (${code})`;
  return fail('usage', message, { where: { file } }).failure;
}
