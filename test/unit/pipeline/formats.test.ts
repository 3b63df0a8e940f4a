// Pipelines are valid by the schemas that GitLab, GitHub and Kubernetes publish, whatever the graph.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { validateWorkflow } from '@action-validator/core';
import { Job as KubernetesJob } from 'kubernetes-models/batch/v1/Job';
import { parse, parseAllDocuments } from 'yaml';
import type { Job } from '../../../src/model/engine/job.ts';
import type { Pipeline } from '../../../src/pipeline/pipeline.ts';
import { PIPELINES } from '../../../src/pipeline/registry.ts';
import { failureIn, valueIn } from '../../rig/tree.ts';

/** A command that reads GitLab's files, and has its schema in it. */
const GITLAB = fileURLToPath(new URL('../../../node_modules/gitlab-ci-local/dist/index.js', import.meta.url));

const NOTHING = { gres: [] };

const JOBS: readonly Job[] = [
  {
    name: '20_app',
    layers: ['10_base', '20_app'],
    needs: [],
    resources: { cpus: 4, memory: 2 ** 33, gres: [] },
  },
  { name: '30_web@it.s', layers: ['30_web@it.s'], needs: ['20_app'], resources: NOTHING },
  {
    name: '30_web-it-s',
    layers: ['30_web-it-s'],
    needs: ['20_app'],
    resources: {
      partition: 'big',
      gres: [{ name: 'nvidia.com/gpu:1', where: { file: '/p/layers/30_web-it-s/build-layer', line: 2 } }],
    },
  },
  { name: '40_all', layers: ['40_all'], needs: ['30_web@it.s', '30_web-it-s'], resources: NOTHING },
];

const PIPELINE: Pipeline = { jobs: JOBS, params: ["NAME=it's $(id)"] };
const EMPTY: Pipeline = { jobs: [], params: [] };
/** More jobs than fit into names of one length, all alike at their beginning. */
const LONG: Pipeline = {
  jobs: [...Array(60).keys()].map((index) => {
    const name = `${10 + index}_${'very-long-name_'.repeat(8)}${index}`;
    return { name, layers: [name], needs: [], resources: NOTHING };
  }),
  params: [],
};

for (const [what, pipeline] of Object.entries({ PIPELINE, EMPTY, LONG })) {
  describe(what, () => {
    test('GitLab CI', () => {
      const text = valueIn(PIPELINES.gitlab(pipeline));
      const directory = mkdtempSync(path.join(tmpdir(), 'vlb-gitlab-'));
      try {
        const git = (...args: string[]) => execFileSync('git', args, { cwd: directory, stdio: 'pipe' });
        git('init', '--quiet');
        git('remote', 'add', 'origin', 'https://gitlab.example.org/group/project.git');
        writeFileSync(path.join(directory, '.gitlab-ci.yml'), `${text}.vlb: { image: 'debian:12' }\n`);
        const read = spawnSync(process.execPath, [GITLAB, '--list-json'], {
          cwd: directory,
          encoding: 'utf8',
        });
        assert.equal(read.status, 0, `${read.stdout}${read.stderr}`);
        const listed: readonly { name: string; needs: readonly { job: string }[] | null }[] = JSON.parse(
          read.stdout,
        );
        assert.deepEqual(
          listed.map(({ name }) => name),
          [...pipeline.jobs.map(({ name }) => name), 'images'],
        );
        for (const { name, needs } of pipeline.jobs) {
          const own = listed.find((one) => one.name === name)?.needs ?? [];
          assert.deepEqual(
            own.map(({ job }) => job),
            needs,
          );
        }
      } finally {
        rmSync(directory, { recursive: true });
      }
    });

    test('GitHub Actions', () => {
      const text = valueIn(PIPELINES.github(pipeline));
      assert.deepEqual(validateWorkflow(text).errors, []);
      const { jobs }: { jobs: Record<string, { needs: string[] }> } = parse(text);
      assert.equal(Object.keys(jobs).length, pipeline.jobs.length + 1);
    });

    test('Kubernetes', () => {
      const documents = parseAllDocuments(valueIn(PIPELINES.kubernetes(pipeline)));
      const jobs = documents.flatMap((document) => document.toJS() ?? []);
      for (const job of jobs) new KubernetesJob(job).validate();
      const names = jobs.map(({ metadata }) => metadata.name);
      assert.equal(new Set(names).size, pipeline.jobs.length);
      for (const name of names) assert.match(name, /^[a-z][a-z0-9-]{0,56}[a-z0-9]$/);
    });

    test('Slurm', () => {
      const text = valueIn(PIPELINES.slurm(pipeline));
      const checked = spawnSync('shellcheck', ['-'], { input: text, encoding: 'utf8' });
      assert.equal(checked.stdout, '');
    });

    test('the same jobs give the same text', () => {
      for (const write of Object.values(PIPELINES)) assert.deepEqual(write(pipeline), write(pipeline));
    });
  });
}

describe('values of parameters mean nothing to what reads the file', () => {
  const [first] = JOBS;
  const withValue = (value: string): Pipeline => ({ jobs: first ? [first] : [], params: [`NAME=${value}`] });

  test('Slurm: a line that is the end of a script, and a store of the user', () => {
    const text = valueIn(PIPELINES.slurm(withValue('a\nEND_OF_VLB_JOB\ntouch /pwned')));
    const [, script = ''] = /<<'(END_OF_VLB_JOB_+)'\n/.exec(text) ?? [];
    assert.equal(script, 'END_OF_VLB_JOB_');
    assert.match(text, /^unset VLB_CACHE_DIR$/m);
    assert.match(text, /^trap 'vlb store clear \|\| :; rm -rf/m);
  });

  test('GitHub: an expression', () => {
    const text = valueIn(PIPELINES.github(withValue(`\${{ secrets.KEY }}`)));
    const { jobs } = parse(text);
    const [job] = Object.values<{ steps: { run?: string }[] }>(jobs);
    const line = job?.steps.find(({ run }) => run !== undefined)?.run ?? '';
    assert.match(line, /'NAME=\$\{\{ '\$\{\{' \}\} secrets\.KEY \}\}'/);
  });

  test('Kubernetes: a reference to a variable, and two dollars', () => {
    const text = valueIn(PIPELINES.kubernetes(withValue('$$(HOME) $$')));
    const [document] = parseAllDocuments(text);
    const { command } = document?.toJS().spec.template.spec.containers[0] ?? {};
    // What Kubernetes makes of it: expansion of its documentation on "Dependent environment variables".
    assert.match(command[2].replaceAll('$$', '$'), /'NAME=\$\$\(HOME\) \$\$'/);
    assert.equal(/(?<!\$)(\$\$)*\$(?!\$)/.test(command[2]), false);
  });
});

describe('what a job asks for', () => {
  test('has the words of each format', () => {
    assert.match(
      valueIn(PIPELINES.slurm(PIPELINE)),
      /submit .*--cpus-per-task=4 --mem=8192M <<.*submit .*--partition=big --gres=nvidia.com\/gpu:1 "--dependency=afterok:\$job1"/s,
    );
    const gitlab = parse(valueIn(PIPELINES.gitlab(PIPELINE)));
    assert.deepEqual(gitlab['30_web-it-s'].tags, ['big', 'nvidia.com/gpu:1']);
    assert.equal(gitlab['20_app'].variables.KUBERNETES_CPU_REQUEST, '4');
    const github = parse(valueIn(PIPELINES.github(PIPELINE)));
    assert.deepEqual(github.jobs['layer-30_web-it-s-2'].needs, ['layer-20_app']);
    assert.deepEqual(github.jobs.images.needs, ['layer-40_all']);
    const [first, , third] = parseAllDocuments(valueIn(PIPELINES.kubernetes(PIPELINE))).map((one) =>
      one.toJS(),
    );
    assert.deepEqual(first.spec.template.spec.containers[0].resources.requests, {
      cpu: '4',
      memory: '8589934592',
    });
    assert.deepEqual(third.spec.template.spec.nodeSelector, { 'vlb/place': 'big' });
    // Kubernetes takes $$( as a text.
    assert.match(first.spec.template.spec.containers[0].command[2], /-p 'NAME=it'\\''s \$\$\(id\)'$/);
  });

  test('is refused where the format has no word for it', () => {
    const where = { file: '/p/layers/10_a/build-layer', line: 2 };
    const job = {
      name: '10_a',
      layers: ['10_a'],
      needs: [],
      resources: { gres: [{ name: 'gpu:1', where }] },
    };
    const failure = failureIn(PIPELINES.kubernetes({ jobs: [job], params: [] }));
    assert.equal(failure.message, 'place gpu:1 is not a resource of Kubernetes');
    assert.deepEqual(failure.where, where);
  });
});
