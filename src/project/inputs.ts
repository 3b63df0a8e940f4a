// Walks a layer's inputs on the host: its own directory, and whatever its bind mounts bring in.

import { type BigIntStats, lstatSync, readdirSync, readlinkSync, statSync } from 'node:fs';
import path from 'node:path';
import { fail, ok, type Result } from '../model/failure.ts';
import type { Layer } from '../model/layer.ts';

/** One tree (or single file) of inputs, and under which name the script sees it. */
export interface InputRoot {
  /** Absolute path on the host. */
  readonly source: string;
  /** `.` for the layer's own files, the absolute target for a bind mount. */
  readonly label: string;
}

/** Something met on the walk. */
export type Input =
  | { readonly type: 'file'; readonly path: string; readonly source: string; readonly stat: BigIntStats }
  | { readonly type: 'link'; readonly path: string; readonly source: string; readonly target: string }
  | { readonly type: 'directory'; readonly path: string; readonly source: string };

/** The trees that a layer's script gets to see. */
export function inputRoots(layer: Layer): readonly InputRoot[] {
  const mounts = layer.hints.bindMounts.map((mount) => ({
    source: path.resolve(layer.directory, mount.source),
    label: mount.target,
  }));
  return [{ source: layer.directory, label: '.' }, ...mounts];
}

/**
 * Everything below a root, parents before their children; a directory's own entry is not listed for the root itself.
 * Symbolic links are never followed, save the root itself. Fails as `usage` on what cannot be an input:
 * sockets, FIFOs, devices, names that are no UTF-8, files that may not be read.
 */
export function walkInputs(root: InputRoot): Result<readonly Input[]> {
  const found: Input[] = [];
  const wrong = visit(root.source, root.label, found, true);
  return wrong ? { ok: false, failure: wrong.failure } : ok(found);
}

function visit(
  source: string,
  name: string,
  found: Input[],
  isRoot = false,
): ReturnType<typeof fail> | undefined {
  let stat: BigIntStats;
  try {
    stat = isRoot ? statSync(source, { bigint: true }) : lstatSync(source, { bigint: true });
  } catch (error) {
    return unreadable(source, error);
  }
  if (stat.isFile()) {
    found.push({ type: 'file', path: name, source, stat });
    return undefined;
  }
  if (stat.isSymbolicLink()) {
    const target = readlinkSync(source);
    if (target.includes('\ufffd')) return notUtf8('the target of a link', target, source);
    found.push({ type: 'link', path: name, source, target });
    return undefined;
  }
  if (!stat.isDirectory()) {
    return fail('usage', 'a socket, FIFO or device cannot be an input of a layer', {
      where: { file: source },
      hint: 'move it out of the layer',
    });
  }
  if (!isRoot) found.push({ type: 'directory', path: name, source });
  let names: string[];
  try {
    names = readdirSync(source);
  } catch (error) {
    return unreadable(source, error);
  }
  for (const child of names) {
    if (child.includes('\ufffd')) {
      return notUtf8("a file's name", child, source);
    }
    const wrong = visit(`${source}/${child}`, `${name}/${child}`, found);
    if (wrong) return wrong;
  }
  return undefined;
}

function notUtf8(what: string, text: string, file: string): ReturnType<typeof fail> {
  return fail('usage', `${what} is not valid UTF-8: ${JSON.stringify(text)}`, {
    where: { file },
    hint: 'rename it',
  });
}

function unreadable(file: string, error: unknown): ReturnType<typeof fail> {
  const code = (error as NodeJS.ErrnoException).code; // node's fs throws nothing else
  return fail(
    'usage',
    code === 'ENOENT' ? 'this input does not exist' : `this input cannot be read (${code})`,
    {
      where: { file },
    },
  );
}
