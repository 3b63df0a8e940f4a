// The directory of a run, and what a run works with in it, which ends when the build is interrupted.

import { mkdirSync, rmSync } from 'node:fs';
import path from 'node:path';
import { fail, failAt, type Result } from '../../model/failure.ts';
import type { RunOwner, RunPlace, Workbench } from '../../model/ports/machine.ts';
import { makeDirectories } from '../../util/fs.ts';
import { writeHint } from '../../util/ownership.ts';
import type { Context } from '../run-context.ts';

let runs = 0;

/** The path of a directory for one run of this process. */
export function newRunDirectory({ paths, owner }: Pick<Context, 'paths' | 'owner'>): string {
  return path.join(paths.runs, `${owner}-${runs++}`);
}

/** Creates the run's directory and opens in it what removes it at its end, such as a workbench. */
export async function openRun<Bench extends RunPlace>(
  directory: string,
  open: (directory: string) => Promise<Result<Bench>>,
): Promise<Result<Bench>> {
  try {
    makeDirectories(path.join(directory, 'inputs'));
    mkdirSync(path.join(directory, 'tmp'), { mode: 0o700 });
  } catch (error) {
    return failAt(directory, 'cannot create the directory of a run', error, writeHint(error, []));
  }
  const bench = await open(directory);
  if (!bench.ok) rmSync(directory, { recursive: true, force: true });
  return bench;
}

/** Works with an open workbench or guest, which is killed on the signal. A disk that was lost is named as the cause of a failure. */
export async function killedOnAbort<T>(
  bench: Pick<RunPlace, 'kill' | 'explain'>,
  signal: AbortSignal,
  work: () => Promise<Result<T>>,
): Promise<Result<T>> {
  const onAbort = () => bench.kill();
  signal.addEventListener('abort', onAbort);
  try {
    if (signal.aborted) return fail('interrupted', 'interrupted');
    const done = await work();
    return done.ok ? done : { ok: false, failure: await bench.explain(done.failure) };
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}

/** Opens a workbench in a directory of its own for the time of `work`. */
export async function inOwnDirectory<T>(
  context: Pick<Context, 'host' | 'paths' | 'owner' | 'signal'>,
  owner: RunOwner,
  work: (bench: Workbench) => Promise<Result<T>>,
): Promise<Result<T>> {
  const opened = await openRun(newRunDirectory(context), (own) => context.host.openWorkbench(own, owner));
  if (!opened.ok) return opened;
  await using bench = opened.value;
  return await killedOnAbort(bench, context.signal, () => work(bench));
}
