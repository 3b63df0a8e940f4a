// Opens inputs safely while other processes write to them: a directory that is replaced by a symbolic link between the
// walk and the read must not lead outside the layer.

import { closeSync, constants, fstatSync, openSync, readlinkSync } from 'node:fs';
import { fail, ok, type Result } from '../../model/failure.ts';
import { systemError } from '../../util/errors.ts';
import { unreadable } from './read-file.ts';

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;

/** The path of a possible input. */
export interface InputPath {
  /** Absolute path on the host, as the user knows it. */
  readonly source: string;
  /** The same with all symbolic links resolved when the walk began. */
  readonly real: string;
}

/** An input that is open until disposed of. */
export interface OpenInput extends Disposable {
  /** Leads to the opened file, even if its original path has been replaced. */
  readonly path: string;
  /** Size in bytes when it was opened. */
  readonly size: number;
}

/** Opens a file or a directory. Fails as `usage` when it cannot be read, or was replaced since the walk. */
export function openInput({ source, real }: InputPath, type: 'file' | 'directory'): Result<OpenInput> {
  let descriptor: number;
  try {
    // Without O_NONBLOCK, opening a FIFO that replaced a file would wait for a writer.
    descriptor = openSync(real, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    const { code } = systemError(error);
    return code === 'ELOOP' ? replaced(source) : unreadable('this input', source, error);
  }
  const path = `/proc/self/fd/${descriptor}`;
  const stat = fstatSync(descriptor);
  // The kernel reports the path of what was opened; it differs if a symbolic link was followed.
  if ((type === 'file' ? stat.isFile() : stat.isDirectory()) && readlinkSync(path) === real) {
    return ok({ path, size: stat.size, [Symbol.dispose]: () => closeSync(descriptor) });
  }
  closeSync(descriptor);
  return replaced(source);
}

function replaced(file: string): Result<never> {
  return fail('usage', 'this input changed while vlb was reading it', {
    where: { file },
    hint: 'run the build again when nothing else is writing to it',
  });
}
