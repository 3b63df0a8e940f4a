// A pipeline of GitLab CI. Where and with which credentials its jobs run is in the job `.vlb` of the file that includes it.

import type { Job } from '../model/engine/job.ts';
import { ok } from '../model/failure.ts';
import { buildLine, headOf, IMAGE_FILE, IMAGES, LOGS, type WritePipeline } from './pipeline.ts';
import { yamlText } from './yaml.ts';

export const gitlab: WritePipeline = ({ jobs, params }) => {
  const written = jobs.map((job) => [
    job.name,
    {
      extends: '.vlb',
      stage: 'layers',
      needs: job.needs,
      ...(tagsOf(job).length === 0 ? {} : { tags: tagsOf(job) }),
      variables: { VLB_CACHE: 'remote:rw', ...requests(job) },
      script: [buildLine({ params }, job.name)],
      artifacts: { when: 'on_failure', paths: [LOGS] },
    },
  ]);
  const images = {
    extends: '.vlb',
    stage: IMAGES,
    variables: { VLB_CACHE: 'remote:rw' },
    script: [buildLine({ params }, '--flatten')],
    artifacts: { paths: [IMAGE_FILE] },
  };
  const stages = jobs.length === 0 ? [IMAGES] : ['layers', IMAGES];
  const pipeline = { stages, ...Object.fromEntries(written), [IMAGES]: images };
  return ok(yamlText(headOf('gitlab'), [pipeline]));
};

/** A runner that is at the place of the job has its words as tags. */
function tagsOf({ resources: { partition, gres } }: Job): readonly string[] {
  return [...(partition === undefined ? [] : [partition]), ...gres.map(({ name }) => name)];
}

/** What the executor for Kubernetes asks for; other executors ignore it. */
function requests({ resources: { cpus, memory } }: Job): Readonly<Record<string, string>> {
  return {
    ...(cpus === undefined ? {} : { KUBERNETES_CPU_REQUEST: String(cpus) }),
    ...(memory === undefined ? {} : { KUBERNETES_MEMORY_REQUEST: String(memory) }),
  };
}
