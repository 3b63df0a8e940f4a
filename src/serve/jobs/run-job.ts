// What a job does: the same calls that the command line makes.

import { availableParallelism } from 'node:os';
import type { Finished } from '../../model/event.ts';
import { fail, ok, type Result } from '../../model/failure.ts';
import type { SharedAccess } from '../../model/ports/shared-cache.ts';
import { badText, verifiedText } from '../../report/text/cache.ts';
import { build } from '../../workspace/build.ts';
import { exportMachines, NOTHING_BUILT } from '../../workspace/export.ts';
import type { Watchers } from '../../workspace/request.ts';
import type { Workspace } from '../../workspace/workspace.ts';
import type { JobRequest } from './job.ts';

/** What all jobs have in common. */
export interface JobOptions {
  readonly remote: SharedAccess;
  /** How a user runs `vlb shell` on this project. */
  readonly shellCommand: string;
}

/** Runs a job in a workspace of its own. Fails when nothing was begun. */
export function runJob(
  request: JobRequest,
  secretValues: ReadonlyMap<string, string>,
  workspace: Workspace,
  options: JobOptions,
  watchers: Watchers,
): Promise<Result<Finished>> {
  const jobs = availableParallelism();
  const common = { ...options, ...watchers, nbd: [], secrets: [], secretValues, jobs };
  switch (request.kind) {
    case 'build': {
      const { targets, params, keepGoing } = request;
      const force = request.force ? (targets.length === 0 ? 'all' : targets) : [];
      return build(workspace, { ...common, targets, params, force, keepGoing, flatten: false });
    }
    case 'export': {
      const { names, formats, params, force } = request;
      return exportMachines(workspace, {
        ...common,
        names,
        formats,
        params,
        force,
        build: true,
        keepGoing: false,
      });
    }
    case 'verify':
      return verify(workspace, watchers);
  }
}

async function verify({ paths, parts }: Workspace, { emit, signal }: Watchers): Promise<Result<Finished>> {
  const startedAt = performance.now();
  const keeper = await parts.openStoreUpkeep(paths, signal);
  const note = (message: string) => emit({ type: 'note', message });
  const verified = await keeper.verify((bad) => note(badText(bad)), signal);
  if (!verified.ok) return verified;
  note(verifiedText(verified.value));
  const damaged = verified.value.bad.length;
  const failure =
    damaged === 0 ? undefined : fail('work', `${damaged} entries of the store are damaged`).failure;
  const finished: Finished = {
    ...NOTHING_BUILT,
    ok: failure === undefined,
    seconds: (performance.now() - startedAt) / 1000,
    ...(failure ? { failure } : {}),
  };
  emit(finished);
  return ok(finished);
}
