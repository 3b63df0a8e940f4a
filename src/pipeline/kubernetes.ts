// Jobs of Kubernetes. They have no order of their own: one that begins before a job that it depends on waits for its claims, or builds
// the layer in its place.

import type { Job } from '../model/engine/job.ts';
import { fail, ok, type Result } from '../model/failure.ts';
import { labelsOf } from './labels.ts';
import { buildLine, headOf, type Pipeline, type WritePipeline } from './pipeline.ts';
import { yamlText } from './yaml.ts';

/** What users provide under these names: a claim with the project, a secret with credentials, an image with vlb. */
const PROJECT = 'vlb-project';
const CREDENTIALS = 'vlb-cache';
const IMAGE = 'vlb';

/** Of the pods of a job, which Kubernetes gives names of at most 63 characters that begin with that of the job. */
const LONGEST_NAME = 48;

export const kubernetes: WritePipeline = (pipeline) => {
  const names = labelsOf(pipeline.jobs, (name) =>
    `vlb-${name.toLowerCase().replace(/[^a-z0-9]+/g, '-')}`.slice(0, LONGEST_NAME).replace(/-$/, ''),
  );
  const written: unknown[] = [];
  for (const job of pipeline.jobs) {
    const resources = resourcesOf(job);
    if (!resources.ok) return resources;
    written.push(jobOf(job, names, resources.value, pipeline));
  }
  return ok(yamlText(headOf('kubernetes'), written));
};

function jobOf(
  { name, layers, needs, resources: { partition } }: Job,
  names: ReadonlyMap<string, string>,
  resources: object,
  pipeline: Pipeline,
): object {
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: names.get(name),
      labels: { 'app.kubernetes.io/name': 'vlb', 'app.kubernetes.io/component': 'layers' },
      annotations: {
        'vlb/layers': layers.join(' '),
        'vlb/needs': needs.map((need) => names.get(need)).join(' '),
      },
    },
    spec: {
      backoffLimit: 2,
      template: {
        spec: {
          restartPolicy: 'Never',
          ...(partition === undefined ? {} : { nodeSelector: { 'vlb/place': partition } }),
          containers: [
            {
              name: 'vlb',
              image: IMAGE,
              workingDir: '/project',
              // Kubernetes puts variables in place of what is in $( ), and takes $$ for a $.
              command: ['/bin/sh', '-c', buildLine(pipeline, name).replaceAll('$', '$$$$')],
              env: [
                { name: 'VLB_CACHE', value: 'remote:rw' },
                { name: 'VLB_STATE_DIR', value: '/state' },
              ],
              envFrom: [{ secretRef: { name: CREDENTIALS } }],
              resources,
              // Disks are attached and mounted.
              securityContext: { privileged: true },
              volumeMounts: [
                { name: 'project', mountPath: '/project', readOnly: true },
                { name: 'state', mountPath: '/state' },
              ],
            },
          ],
          volumes: [
            { name: 'project', persistentVolumeClaim: { claimName: PROJECT, readOnly: true } },
            { name: 'state', emptyDir: {} },
          ],
        },
      },
    },
  };
}

/** Fails as `usage` for a resource without a domain: those of device plugins have one. */
function resourcesOf({ resources: { cpus, memory, gres } }: Job): Result<object> {
  const limits: Record<string, string> = {};
  for (const { name, where } of gres) {
    const [resource = '', count = ''] = name.split(':');
    if (!resource.includes('/') || !/^\d+$/.test(count)) {
      return fail('usage', `place ${name} is not a resource of Kubernetes`, {
        where,
        hint: 'write it as nvidia.com/gpu:1',
      });
    }
    limits[resource] = count;
  }
  if (memory !== undefined) limits['memory'] = String(memory);
  const requests = {
    ...(cpus === undefined ? {} : { cpu: String(cpus) }),
    ...(memory === undefined ? {} : { memory: String(memory) }),
  };
  return ok({ requests, limits });
}
