// A store that a group shares: what is created in it has the group's rights that its directory has, whatever the umask of the
// user, as git has it with core.sharedRepository.

import {
  chmodSync,
  chownSync,
  closeSync,
  openSync,
  readSync,
  statSync,
  utimesSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { attempt } from '../../util/errors.ts';
import { makeDirectories } from '../../util/fs.ts';

const GROUP_WRITES = 0o020;
const SETGID = 0o2000;
/** What is taken over from the directory: the group's rights, whether others may read, and for directories the group itself. */
const OF_FILES = 0o064;
const OF_DIRECTORIES = 0o2075;

/** Gives a file or directory that was just created the rights of the directory around it, if the group may write there. */
export function shareWithGroup(file: string): void {
  const { mode: above, gid } = statSync(path.dirname(file));
  if ((above & GROUP_WRITES) === 0) return;
  const stat = statSync(file);
  // Copies have the group of what was copied, whatever the directory says.
  if (stat.gid !== gid && (above & SETGID) !== 0) attempt(() => chownSync(file, stat.uid, gid));
  const mode = stat.mode | (above & (stat.isDirectory() ? OF_DIRECTORIES : OF_FILES));
  if (mode !== stat.mode) chmodSync(file, mode & 0o7777);
}

/** Makes a directory of a store, and those above it; returns the first that it made. Throws node's fs errors. */
export function makeSharedDirectory(directory: string): string | undefined {
  const first = makeDirectories(directory);
  if (first === undefined) return undefined;
  const made: string[] = [];
  for (let at = directory; at.length >= first.length; at = path.dirname(at)) made.unshift(at);
  for (const one of made) shareWithGroup(one);
  return first;
}

/** Sets the time of a file to now, if this user may: what is another user's, by writing to it, since utimes(2) is its owner's. */
export function touchShared(file: string): void {
  const now = new Date();
  const isOwn = attempt(() => utimesSync(file, now, now) === undefined) === true;
  if (!isOwn) attempt(() => rewriteFirstByte(file));
}

/** The content is whole at any moment. */
function rewriteFirstByte(file: string): void {
  const descriptor = openSync(file, 'r+');
  try {
    const byte = Buffer.alloc(1);
    if (readSync(descriptor, byte, 0, 1, 0) === 1) writeSync(descriptor, byte, 0, 1, 0);
  } finally {
    closeSync(descriptor);
  }
}
