// Entries of a walk, to compare.

import type { Entry } from '../../../src/model/ports/viewer.ts';

let inode = 100;

/** A regular file of four bytes, changed long ago, unless told otherwise. */
export function entry(path: string, about: Partial<Entry> = {}): Entry {
  return {
    path,
    type: 'file',
    mode: '0644',
    uid: 0,
    gid: 0,
    size: 4,
    fileSystem: '1',
    inode: String(inode++),
    names: 1,
    modified: '1000.5',
    changed: '1000.5',
    ...about,
  };
}
