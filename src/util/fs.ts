// What the file system has at a path, for callers to whom a missing file and an unreadable one are the same.

import {
  accessSync,
  closeSync,
  fstatSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  realpathSync,
  type Stats,
  statSync,
} from 'node:fs';
import path from 'node:path';
import { attempt, systemError } from './errors.ts';
import { quoteWord } from './quote.ts';

/** The status of what the path leads to, following links; undefined when it is absent or behind a loop of links. */
export function statIfAny(file: string): Stats | undefined {
  return attempt(() => statSync(file));
}

/** Whether the path leads to a directory, following links. */
export function isDirectory(file: string): boolean {
  return statIfAny(file)?.isDirectory() === true;
}

/** Whether the path leads to a regular file, following links. */
export function isFile(file: string): boolean {
  return statIfAny(file)?.isFile() === true;
}

/** The names in a directory, in no order; none when it cannot be read. */
export function namesIn(directory: string): readonly string[] {
  return attempt(() => readdirSync(directory)) ?? [];
}

/** The contents of a file as UTF-8; undefined when it cannot be read. */
export function textIfAny(file: string): string | undefined {
  return attempt(() => readFileSync(file, 'utf8'));
}

/** The canonical absolute path; undefined when the path leads nowhere. */
export function realPathIfAny(file: string): string | undefined {
  return attempt(() => realpathSync(file));
}

/** The canonical absolute path, or the path as it is when it leads nowhere. */
export function realPathOrSame(file: string): string {
  return realPathIfAny(file) ?? file;
}

/**
 * The canonical path of what is there or will be, for paths that are compared with those that the kernel gives: as much of
 * it as exists is resolved. A dangling link stays as it is.
 */
export function canonicalPath(file: string): string {
  const real = attempt(() => realpathSync.native(file));
  if (real !== undefined) return real;
  const above = path.dirname(file);
  if (above === file || attempt(() => lstatSync(file)) !== undefined) return path.resolve(file);
  return path.join(canonicalPath(above), path.basename(file));
}

/**
 * Makes a directory and those above it that are missing; returns the first that it made. Throws node's fs errors, and the
 * right one: the recursive mkdir of node has ENOENT for a read-only file system.
 */
export function makeDirectories(directory: string, mode?: number): string | undefined {
  try {
    return mkdirSync(directory, { recursive: true, ...(mode === undefined ? {} : { mode }) });
  } catch (error) {
    if (systemError(error).code !== 'ENOENT') throw error;
    let first = directory;
    while (!statIfAny(path.dirname(first)) && path.dirname(first) !== first) first = path.dirname(first);
    mkdirSync(first); // throws
    throw error;
  }
}

/** Why a place cannot be a directory, and what to do about it; undefined when it is one, or can be created. */
export function directoryObstacle(file: string): { readonly why: string; readonly hint: string } | undefined {
  const stat = statIfAny(file);
  if (stat?.isDirectory()) return undefined;
  const name = path.basename(file);
  if (stat) return { why: `${name} is not a directory`, hint: 'move it away' };
  const target = attempt(() => readlinkSync(file));
  if (target === undefined) return undefined;
  return {
    why: `the symbolic link ${name} leads to nothing: ${target}`,
    hint: `create the directory ${quoteWord(path.resolve(path.dirname(file), target))}, mount its file system, or correct the link`,
  };
}

/** Whether a path is not the one that the kernel has: node has U+FFFD for bytes that are not UTF-8. */
export function isMisread(file: string): boolean {
  return file.includes('\ufffd') && statIfAny(file) === undefined;
}

/** Whether this process may access a file as `mode` says, see access(2): `constants.W_OK`. */
export function isAllowed(file: string, mode: number): boolean {
  return attempt(() => accessSync(file, mode) === undefined) === true;
}

/** Gives a file another name unless that exists: link(2) fails then, so that the first writer wins. Throws node's fs errors. */
export function linkIfFree(file: string, name: string): boolean {
  try {
    linkSync(file, name);
    return true;
  } catch (error) {
    if (systemError(error).code === 'EEXIST') return false;
    throw error;
  }
}

/** Reads bytes of a file; fewer at its end. */
export type ReadAt = (offset: number, length: number) => Buffer;

/** Opens a file while `work` reads from it; `size` is in bytes. Throws node's fs errors. */
export function withFile<T>(file: string, work: (read: ReadAt, size: number) => T): T {
  const descriptor = openSync(file, 'r');
  try {
    const read: ReadAt = (offset, length) => {
      const bytes = Buffer.alloc(length);
      return bytes.subarray(0, readSync(descriptor, bytes, 0, length, offset));
    };
    return work(read, fstatSync(descriptor).size);
  } finally {
    closeSync(descriptor);
  }
}
