// A workflow of GitHub Actions, for others to call. The action `.github/actions/vlb` of the repository installs vlb and gets credentials.

import type { Job } from '../model/engine/job.ts';
import { ok } from '../model/failure.ts';
import { labelsOf } from './labels.ts';
import { buildLine, headOf, IMAGE_FILE, IMAGES, LOGS, lastJobs, type WritePipeline } from './pipeline.ts';
import { yamlText } from './yaml.ts';

const SETUP = [{ uses: 'actions/checkout@v4' }, { uses: './.github/actions/vlb' }] as const;
const ENV = { VLB_CACHE: 'remote:rw' } as const;

export const github: WritePipeline = ({ jobs, params }) => {
  const ids = labelsOf(jobs, (name) => `layer-${name.replace(/[^\w-]/g, '-')}`);
  const idOf = (name: string) => ids.get(name) ?? name;
  const written = jobs.map((job) => [
    idOf(job.name),
    {
      name: job.layers.join(', '),
      ...needsOf(job.needs.map(idOf)),
      'runs-on': runnerOf(job),
      env: ENV,
      steps: [
        ...SETUP,
        { run: literal(buildLine({ params }, job.name)) },
        { if: 'failure()', ...upload(`logs-${idOf(job.name)}`, LOGS) },
      ],
    },
  ]);
  const images = {
    ...needsOf(lastJobs(jobs).map(idOf)),
    'runs-on': 'ubuntu-latest',
    env: ENV,
    steps: [...SETUP, { run: literal(buildLine({ params }, '--flatten')) }, upload('image', IMAGE_FILE)],
  };
  const workflow = {
    name: 'vlb',
    on: { workflow_call: {}, workflow_dispatch: {} },
    permissions: { contents: 'read', 'id-token': 'write' },
    jobs: { ...Object.fromEntries(written), [IMAGES]: images },
  };
  return ok(yamlText(headOf('github'), [workflow]));
};

/** A text in which GitHub evaluates nothing, before any shell sees it. */
function literal(text: string): string {
  return text.replaceAll(/\$\{\{/g, (open) => `\${{ '${open}' }}`);
}

/** An empty list is not valid. */
function needsOf(ids: readonly string[]): { readonly needs?: readonly string[] } {
  return ids.length === 0 ? {} : { needs: ids };
}

function runnerOf({ resources: { partition, gres } }: Job): string | readonly string[] {
  if (partition === undefined && gres.length === 0) return 'ubuntu-latest';
  return ['self-hosted', ...(partition === undefined ? [] : [partition]), ...gres.map(({ name }) => name)];
}

function upload(name: string, path: string) {
  return {
    uses: 'actions/upload-artifact@v4',
    with: { name, path, 'include-hidden-files': true, 'if-no-files-found': 'ignore' },
  };
}
