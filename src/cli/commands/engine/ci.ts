// vlb ci: the graph as a pipeline of jobs, which another program runs.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { Job } from '../../../model/engine/job.ts';
import { type Failure, fail, failAt, ok, type Result } from '../../../model/failure.ts';
import { PIPELINES } from '../../../pipeline/registry.ts';
import { cutGraph, cutPlan } from '../../../plan/cut.ts';
import { graphUpTo } from '../../../plan/graph.ts';
import { projectGraph } from '../../../plan/variants.ts';
import { parseParams } from '../../../project/layers/params.ts';
import type { Project } from '../../../project/project.ts';
import { quoteCommand } from '../../../util/quote.ts';
import { planProject } from '../../../workspace/planning.ts';
import { NO_ACCESS } from '../../../workspace/request.ts';
import { usableCache } from '../../../workspace/share.ts';
import type { Workspace } from '../../../workspace/workspace.ts';
import type { Raw } from '../../args/table/table.ts';
import { EXIT } from '../../exit-status.ts';
import { projectWords, workspaceOf } from '../../open-workspace.ts';
import type { GlobalOptions } from '../../options.ts';
import { writeOutput } from '../../output-file.ts';
import { printNotes } from '../../terminal/streams.ts';

/** Prints a pipeline, or compares it with a file. Returns the exit status, or the failure to report. */
export async function ci(raw: Raw<'ci'>, options: GlobalOptions): Promise<number | Failure> {
  const { format, output, check } = raw;
  if (format === undefined) {
    const hint = `valid values: ${Object.keys(PIPELINES).join(', ')}`;
    return fail('usage', 'vlb ci requires --format', { hint }).failure;
  }
  if (check && output === undefined) {
    return fail('usage', 'vlb ci --check requires --output', { hint: 'name the file to compare with' })
      .failure;
  }
  const workspace = workspaceOf(options);
  const project = await workspace.load();
  if (!project.ok) return project.failure;
  // Jobs on several machines have nothing else in common.
  const usable = usableCache(project.value, workspace.directory, 'rw');
  if (!usable.ok) return usable.failure;
  const jobs = raw.planned
    ? await plannedJobs(raw, options, workspace, project.value)
    : allJobs(raw, project.value);
  if (!jobs.ok) return jobs.failure;
  const text = PIPELINES[format]({ jobs: jobs.value, params: raw.param });
  if (!text.ok) return text.failure;
  if (output === undefined) process.stdout.write(text.value);
  else if (check) return compare(output, text.value, quoteCommand(wordsOf(raw, options)));
  else {
    const written = writeOutput(output, text.value);
    if (!written.ok) return written.failure;
  }
  return EXIT.ok;
}

/** The jobs of a project of which nothing is built, whatever this machine has: the same for everybody. */
function allJobs({ layer, param }: Raw<'ci'>, project: Project): Result<readonly Job[]> {
  const given = parseParams(param);
  if (!given.ok) return given;
  const whole = projectGraph(project, given.value);
  if (!whole.ok) return whole;
  const { graph, images, lacking } = whole.value;
  if (lacking) return { ok: false, failure: lacking };
  const targets = layer.map((name) => images.get(name) ?? name);
  const wanted = targets.length === 0 ? ok(graph) : graphUpTo(graph, targets);
  return wanted.ok ? ok(cutGraph(wanted.value)) : wanted;
}

/** The jobs of what a build would run now. */
async function plannedJobs(
  { layer, param }: Raw<'ci'>,
  options: GlobalOptions,
  workspace: Workspace,
  project: Project,
): Promise<Result<readonly Job[]>> {
  const planned = await planProject(workspace, project, {
    ...NO_ACCESS,
    remote: options.remote === 'off' ? 'off' : 'r',
    targets: layer,
    params: param,
    force: [],
    emit: printNotes,
    signal: new AbortController().signal,
  });
  return planned.ok ? ok(cutPlan(planned.value.plan)) : planned;
}

/** The command line that writes what `--check` compares with. */
function wordsOf({ layer, format, output, param }: Raw<'ci'>, options: GlobalOptions): readonly string[] {
  return [
    'vlb',
    ...projectWords(options),
    'ci',
    ...layer,
    ...(format === undefined ? [] : ['--format', format]),
    ...(output === undefined ? [] : ['--output', output]),
    ...param.flatMap((one) => ['-p', one]),
  ];
}

/** Fails as `work` for another text, so that a CI fails. */
function compare(file: string, text: string, command: string): number | Failure {
  let found: string;
  try {
    found = readFileSync(file, 'utf8');
  } catch (error) {
    const { failure } = failAt(path.resolve(file), 'cannot read the pipeline', error);
    return { ...failure, kind: 'usage', hint: `write it: ${command}` };
  }
  if (found === text) return EXIT.ok;
  const [one, other] = [found.split('\n'), text.split('\n')];
  // One of them may be the beginning of the other.
  const same = one.findIndex((line, at) => line !== other[at]);
  return fail('work', 'the pipeline is not that of the project', {
    where: { file: path.resolve(file), line: (same === -1 ? one.length : same) + 1 },
    hint: `write it again: ${command}`,
  }).failure;
}
