// The logs of layers that run elsewhere: `vlb log` reads them as those of layers that ran here.

import { closeSync, writeSync } from 'node:fs';
import { logFile, type OpenLog, openLog } from '../../execute/run/log.ts';
import type { Emit } from '../../model/event.ts';
import type { Failure } from '../../model/failure.ts';
import type { ProjectPaths } from '../../project/project.ts';

export class LayerLogs {
  readonly #place: { readonly paths: ProjectPaths; readonly owner: string };
  readonly #open = new Map<string, OpenLog>();

  constructor(place: { readonly paths: ProjectPaths; readonly owner: string }) {
    this.#place = place;
  }

  /** Begins the log of a run. One that cannot be written is reported, and the layer has none. */
  begin(layer: string, emit: Emit): void {
    this.end(layer);
    const log = openLog(layer, this.#place);
    if (log.ok) this.#open.set(layer, log.value);
    else emit({ type: 'note', message: log.failure.message });
  }

  write(layer: string, line: string): void {
    const log = this.#open.get(layer);
    if (log) writeSync(log.descriptor, `${line}\n`);
  }

  end(layer: string): void {
    const log = this.#open.get(layer);
    if (!log) return;
    this.#open.delete(layer);
    closeSync(log.descriptor);
    log.end();
  }

  close(): void {
    for (const layer of [...this.#open.keys()]) this.end(layer);
  }

  /** A failure of a run elsewhere: its files are gone, but for the log, which is here. */
  asHere(layer: string, { look: _, log, ...failure }: Failure): Failure {
    return log === undefined ? failure : { ...failure, log: logFile(layer, this.#place.paths) };
  }
}
