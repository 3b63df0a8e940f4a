// The directory of a run, and its workbench.

import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fail, type Result } from '../../model/failure.ts';
import type { Workbench } from '../../model/ports/machine.ts';
import { systemError } from '../../util/errors.ts';
import type { Context } from '../run-context.ts';

let runs = 0;

/** A unique path for a run's directory. */
export function newRunDirectory({ paths, owner }: Pick<Context, 'paths' | 'owner'>): string {
  return path.join(paths.runs, `${owner}-${runs++}`);
}

/** Creates the run's directory and opens its workbench, which removes the directory at its end. */
export async function openRun(directory: string, { host }: Context): Promise<Result<Workbench>> {
  try {
    mkdirSync(path.join(directory, 'inputs'), { recursive: true });
    mkdirSync(path.join(directory, 'tmp'), { mode: 0o700 });
  } catch (error) {
    const { message } = systemError(error);
    return fail('host', `cannot create the directory of a run: ${message}`, { where: { file: directory } });
  }
  const bench = await host.openWorkbench(directory);
  if (!bench.ok) rmSync(directory, { recursive: true, force: true });
  return bench;
}
