// A graph that was cut into jobs, as the file that a CI or an engine reads. Pure; the same jobs give the same text.

import type { Job } from '../model/engine/job.ts';
import type { Result } from '../model/failure.ts';
import { quoteCommand } from '../util/quote.ts';

export interface Pipeline {
  /** Each after those that it needs. */
  readonly jobs: readonly Job[];
  /** `NAME=VALUE` each, for every build. */
  readonly params: readonly string[];
}

/** The text of a file. Fails as `usage` for what the format cannot say. */
export type WritePipeline = (pipeline: Pipeline) => Result<string>;

/** The lines above all others, which say where the file comes from. */
export function headOf(format: string): readonly string[] {
  return [
    `Written by vlb ci --format ${format}; do not edit. Each job builds layers, and gets what they are built on from the`,
    `shared cache. vlb ci --format ${format} --output FILE --check fails once the project has other jobs.`,
  ];
}

/** The command line of a build. Without a layer, of the whole project. */
export function buildLine({ params }: Pick<Pipeline, 'params'>, ...words: readonly string[]): string {
  return quoteCommand(['vlb', 'build', ...words, ...params.flatMap((one) => ['-p', one])]);
}

/** The names of the jobs that no other needs. */
export function lastJobs(jobs: readonly Job[]): readonly string[] {
  const needed = new Set(jobs.flatMap(({ needs }) => needs));
  return jobs.flatMap(({ name }) => (needed.has(name) ? [] : [name]));
}

/** What a final job of a CI builds: the images, of what the others left in the shared cache. */
export const IMAGES = 'images';

/** Where the main image is as one file, and the logs of layers: relative to the project. */
export const IMAGE_FILE = 'build/image.qcow2';
export const LOGS = '.vlb/logs';
