// Opens inputs so that no link which somebody puts on the way meanwhile leads out of them: a directory may become one
// between the moment it was looked at and the moment it is read.

import { closeSync, constants, fstatSync, openSync, readlinkSync } from 'node:fs';
import { type Failure, fail, ok, type Result } from '../../model/failure.ts';
import { systemError } from '../../util/errors.ts';

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;

/** Something that may be an input. */
export interface Holdable {
  /** Absolute path on the host, as people know it. */
  readonly source: string;
  /** The same without any link on the way, when the walk began. */
  readonly real: string;
}

/** An input that is held open. */
export interface Held extends Disposable {
  /** By this name it is what was opened, whatever stands in its place by now. */
  readonly path: string;
  /** Bytes, when it was opened. */
  readonly size: number;
}

/** Opens a file or a directory. Fails as `usage` when it cannot be read, or something else is in its place. */
export function hold({ source, real }: Holdable, type: 'file' | 'directory'): Result<Held> {
  let descriptor: number;
  try {
    // A FIFO that took a file's place would wait for somebody to write.
    descriptor = openSync(real, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    const { code } = systemError(error);
    return code === 'ELOOP' ? replaced(source) : { ok: false, failure: unreadable(source, error) };
  }
  const path = `/proc/self/fd/${descriptor}`;
  const stat = fstatSync(descriptor);
  // The kernel's word on what was opened: another path, where a link led on the way.
  if ((type === 'file' ? stat.isFile() : stat.isDirectory()) && readlinkSync(path) === real) {
    return ok({ path, size: stat.size, [Symbol.dispose]: () => closeSync(descriptor) });
  }
  closeSync(descriptor);
  return replaced(source);
}

function replaced(file: string): Result<never> {
  return fail('usage', 'this input was replaced while vlb read it', {
    where: { file },
    hint: 'build again once nothing changes it any more',
  });
}

/** The failure about an input by what node's fs threw. */
export function unreadable(file: string, error: unknown): Failure {
  const { code } = systemError(error);
  const message = code === 'ENOENT' ? 'this input does not exist' : `this input cannot be read (${code})`;
  return fail('usage', message, { where: { file } }).failure;
}
