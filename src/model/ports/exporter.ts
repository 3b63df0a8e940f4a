// The port of exports: one format turns the disks of an image into a file that another program takes. What a format does not
// do is decide whether it has to, or put the file in place: src/execute/export.ts does that for all of them.

import type { Result } from '../failure.ts';

/** An image as exporters read it. */
export interface ExportSource {
  /** Absolute paths of the top of each disk's chain, in qcow2 format: the system disk first. */
  readonly disks: readonly [string, ...string[]];
}

export interface Exporter {
  /** What users call the format, and the ending of its file's name. */
  readonly format: string;
  /**
   * Writes a new file; a partial one is removed by the caller. Fails as `host`, or as `interrupted` on the signal.
   * @param target absolute path, at which there is no file
   */
  write(source: ExportSource, target: string, signal: AbortSignal): Promise<Result<void>>;
}

/** The formats there are, by what users call them. */
export type Exporters = ReadonlyMap<string, Exporter>;
