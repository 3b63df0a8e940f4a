// A shell script that hands all jobs to Slurm, with their dependencies.

import type { Job } from '../model/engine/job.ts';
import { ok } from '../model/failure.ts';
import { quoteCommand } from '../util/quote.ts';
import { buildLine, headOf, type WritePipeline } from './pipeline.ts';
import { sbatchOptions } from './slurm-options.ts';

/** The end of the heredoc with a text, which no line of it is. */
function endOf(text: string): string {
  let end = 'END_OF_VLB_JOB';
  while (text.includes(end)) end += '_';
  return end;
}

export const slurm: WritePipeline = ({ jobs, params }) => {
  const numbers = new Map(jobs.map(({ name }, index) => [name, index + 1]));
  const head = ['#!/bin/sh', ...headOf('slurm').map((line) => `# ${line}`)];
  const submit = jobs.map((job) => submission(job, numbers, buildLine({ params }, job.name)));
  const lines = [
    ...head,
    '# Run it in the directory of the project, which all nodes have under the same path.',
    'set -eu',
    '',
    '# The number of the job that is read from standard input.',
    `submit() { id=$(sbatch "$@") && echo "\${id%%;*}"; }`,
    ...submit.flat(),
    ...(jobs.length === 0 ? [] : ['', `echo "submitted:${jobs.map((_, at) => ` $job${at + 1}`).join('')}"`]),
  ];
  return ok(`${lines.join('\n')}\n`);
};

function submission(
  { name, needs, resources }: Job,
  numbers: ReadonlyMap<string, number>,
  line: string,
): readonly string[] {
  const own = numbers.get(name);
  const end = endOf(line);
  const after = needs.map((need) => `:$job${numbers.get(need)}`).join('');
  const options = [
    quoteCommand(sbatchOptions(name, resources)),
    ...(after === '' ? [] : [`"--dependency=afterok${after}"`]),
  ];
  return [
    '',
    `job${own}=$(submit ${options.join(' ')} <<'${end}'`,
    '#!/bin/sh',
    'set -eu',
    '# The state of this job, on its node.',
    `VLB_STATE_DIR=$(mktemp -d "\${TMPDIR:-/var/tmp}/vlb-XXXXXXXX")`,
    'export VLB_STATE_DIR VLB_CACHE=remote:rw',
    '# A store that the user has elsewhere is not cleared.',
    'unset VLB_CACHE_DIR',
    'trap \'vlb store clear || :; rm -rf -- "$VLB_STATE_DIR"\' EXIT',
    'trap : INT TERM',
    line,
    end,
    ')',
  ];
}
