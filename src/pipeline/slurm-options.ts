// What a job asks of Slurm, as options of sbatch(1).

import type { Resources } from '../model/engine/job.ts';

const MIB = 2 ** 20;

/** The options of a job, without its script. If a job that it needs fails, it is cancelled; if its node dies, it runs again. */
export function sbatchOptions(name: string, { cpus, memory, partition, gres }: Resources): readonly string[] {
  return [
    '--parsable',
    `--job-name=vlb:${name}`,
    '--ntasks=1',
    '--requeue',
    '--open-mode=append',
    '--kill-on-invalid-dep=yes',
    ...(cpus === undefined ? [] : [`--cpus-per-task=${cpus}`]),
    ...(memory === undefined ? [] : [`--mem=${Math.ceil(memory / MIB)}M`]),
    ...(partition === undefined ? [] : [`--partition=${partition}`]),
    ...(gres.length === 0 ? [] : [`--gres=${gres.map((one) => one.name).join(',')}`]),
  ];
}
