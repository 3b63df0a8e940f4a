// The directory of a run, and the workbench that it is done on.

import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fail, type Result } from '../../model/failure.ts';
import type { Workbench } from '../../model/ports/machine.ts';
import { systemError } from '../../util/errors.ts';
import type { Context } from '../run-context.ts';

let runs = 0;

/** A name for a run's directory that no other run has. */
export function newRunDirectory({ paths, owner }: Pick<Context, 'paths' | 'owner'>): string {
  return path.join(paths.runs, `${owner}-${runs++}`);
}

/** Makes the run's directory and opens its workbench, which takes the directory away again at its end. */
export async function openRun(directory: string, { host }: Context): Promise<Result<Workbench>> {
  try {
    mkdirSync(path.join(directory, 'inputs'), { recursive: true });
    mkdirSync(path.join(directory, 'tmp'), { mode: 0o700 });
  } catch (error) {
    const { message } = systemError(error);
    return fail('host', `the directory of a run cannot be made: ${message}`, { where: { file: directory } });
  }
  const bench = await host.openWorkbench(directory);
  if (!bench.ok) rmSync(directory, { recursive: true, force: true });
  return bench;
}
