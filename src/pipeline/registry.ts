// The formats of pipelines.

import { github } from './github.ts';
import { gitlab } from './gitlab.ts';
import { kubernetes } from './kubernetes.ts';
import type { WritePipeline } from './pipeline.ts';
import { slurm } from './slurm.ts';

export type PipelineFormat = 'gitlab' | 'github' | 'slurm' | 'kubernetes';

export const PIPELINES: Readonly<Record<PipelineFormat, WritePipeline>> = {
  gitlab,
  github,
  slurm,
  kubernetes,
};
