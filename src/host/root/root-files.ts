// The files by which vlb and the root side exchange data, under the paths of the root side. A root shell on this machine
// sees the same file system, so they are plain files here; nothing else may rely on that.

import { existsSync, lstatSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fail, ok, type Result } from '../../model/failure.ts';
import { systemError } from '../../util/errors.ts';

/** All but `exists` fail as `host` with the path. */
export interface RootFiles {
  /** Whether they are on this machine. */
  readonly areHere: boolean;
  /** Creates a directory, and its parents; one that exists stays as it is. */
  makeDirectory(directory: string): Promise<Result<void>>;
  /** Creates or replaces a file that belongs to vlb's user. */
  write(file: string, content: string | Buffer, mode?: number): Promise<Result<void>>;
  /** Creates a symbolic link, and the directory that it is in; what already has that name stays as it is. */
  link(target: string, file: string): Promise<Result<void>>;
  read(file: string): Promise<Result<Buffer>>;
  /** Makes a file of the root side one that is here, under the same path. */
  bringHere(file: string): Promise<Result<void>>;
  exists(file: string): Promise<boolean>;
}

export const localFiles: RootFiles = {
  areHere: true,
  makeDirectory: async (directory) =>
    attempt('create', directory, () => void mkdirSync(directory, { recursive: true })),
  write: async (file, content, mode = 0o644) =>
    attempt('write', file, () => writeFileSync(file, content, { mode })),
  link: async (target, file) =>
    attempt('create', file, () => {
      mkdirSync(path.dirname(file), { recursive: true });
      if (!lstatSync(file, { throwIfNoEntry: false })) symlinkSync(target, file);
    }),
  read: async (file) => attempt('read', file, () => readFileSync(file)),
  bringHere: async () => ok(),
  exists: async (file) => existsSync(file),
};

function attempt<T>(verb: string, file: string, action: () => T): Result<T> {
  try {
    return ok(action());
  } catch (error) {
    return fail('host', `cannot ${verb} a file of the run: ${systemError(error).message}`, {
      where: { file },
    });
  }
}
