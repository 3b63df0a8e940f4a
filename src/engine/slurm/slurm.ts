// Slurm, by its commands: sbatch, squeue and scancel of the user. Nothing of its configuration is read.

import type { Engine, JobId, JobState } from '../../model/engine/engine.ts';
import { type Failure, fail, ok } from '../../model/failure.ts';
import { sbatchOptions } from '../../pipeline/slurm-options.ts';
import type { EngineTools } from '../tools.ts';

export function openSlurm({ run }: EngineTools): Engine {
  return {
    name: 'slurm',
    async submit({ name, resources, needs, script, directory, stdout, stderr }) {
      const options = [
        ...sbatchOptions(name, resources),
        `--chdir=${directory}`,
        `--output=${literal(stdout)}`,
        `--error=${literal(stderr)}`,
        ...(needs.length === 0 ? [] : [`--dependency=afterok:${needs.join(':')}`]),
      ];
      const done = await run('sbatch', options, { input: script });
      if (!done.ok) return done;
      // With several clusters, the name of the cluster follows.
      const [id = ''] = done.value.stdout.trim().split(';');
      return /^\d+$/.test(id)
        ? ok(id)
        : fail('host', `sbatch printed no number of a job: ${id.slice(0, 80)}`);
    },

    async watch(jobs, signal) {
      const format = '--format=%i|%T|%N';
      const listed = await run('squeue', ['--noheader', '--states=all', `--jobs=${jobs.join(',')}`, format], {
        signal,
      });
      if (!listed.ok && !isUnknown(listed.failure)) return listed;
      const states = parseStates(listed.ok ? listed.value.stdout : '');
      // Slurm forgets a job some minutes after its end.
      return ok(new Map(jobs.map((job) => [job, states.get(job) ?? FORGOTTEN])));
    },

    async cancel(jobs) {
      if (jobs.length === 0) return ok();
      const done = await run('scancel', ['--quiet', ...jobs]);
      return done.ok ? ok() : done;
    },
  };
}

const FORGOTTEN: JobState = { state: 'over', word: 'UNKNOWN' };

/** A file name in which nothing stands for something else, see FILENAME PATTERN of sbatch(1). */
function literal(file: string): string {
  return file.replaceAll('%', '%%');
}

/** Whether squeue knows none of the jobs. */
function isUnknown({ detail = [] }: Failure): boolean {
  return detail.some((line) => line.includes('Invalid job id specified'));
}

/** The states in which a job is not, or not any more, on a node; see JOB STATE CODES of squeue(1). */
const WAITING = /^(PENDING|REQUEUED|REQUEUE_FED|REQUEUE_HOLD|RESV_DEL_HOLD|SPECIAL_EXIT|CONFIGURING)$/;
const RUNNING = /^(RUNNING|COMPLETING|RESIZING|SIGNALING|STAGE_OUT|STOPPED|SUSPENDED)$/;

/** The states in the lines `ID|STATE|NODES` of squeue. */
export function parseStates(text: string): ReadonlyMap<JobId, JobState> {
  const states = new Map<JobId, JobState>();
  for (const line of text.split('\n')) {
    const [id = '', word = '', node = ''] = line.trim().split('|');
    if (id === '' || word === '') continue;
    const state = WAITING.test(word) ? 'waiting' : RUNNING.test(word) ? 'running' : 'over';
    states.set(id, { state, word, ...(node === '' ? {} : { node }) });
  }
  return states;
}
