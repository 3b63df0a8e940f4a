// Projects made for measuring, and vlb run on them as a user would, whole process.

import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { BuildEvent, LayerFinished } from '../../src/model/event.ts';
import { buildLayer } from '../../test/rig/tiny.ts';
import { output, seconds, VLB } from './command.ts';

/** Writes a layer's script. */
export function writeScript(project: string, layer: string, kind: string, text: string): void {
  const file = path.join(project, 'layers', layer, kind);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
  chmodSync(file, 0o755);
}

/** Writes small files, 25 to a directory. */
export function writeFiles(directory: string, count: number): void {
  for (let index = 0; index < count; index++) {
    const folder = path.join(directory, `d${Math.floor(index / 25)}`);
    if (index % 25 === 0) mkdirSync(folder, { recursive: true });
    writeFileSync(path.join(folder, `f${index}`), `file ${index} of ${directory}\n`.repeat(10));
  }
}

/** The names of layers that come after 10_base: 20_layer0, …; as many digits as it takes. */
export function layerNames(count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${20 + index}_layer${index}`);
}

/** Writes layers with files in them, and a script that does nothing, behind these hints. */
export function writeLayers(project: string, layers: number, filesEach: number, hints = ''): string[] {
  const names = layerNames(layers);
  for (const name of names) {
    writeScript(project, name, 'build-layer', buildLayer('true', hints));
    if (filesEach > 0) writeFiles(path.join(project, 'layers', name), filesEach);
  }
  return names;
}

/** Runs a command of vlb in a project; returns seconds. */
export function vlbSeconds(project: string, ...args: readonly string[]): number {
  return seconds([VLB, ...args], { cwd: project });
}

export interface BuiltLayer {
  /** The layer alone, from its start to its commit. */
  readonly layer: number;
  /** The whole of `vlb build`. */
  readonly whole: number;
  /** Size of the delta in bytes. */
  readonly bytes: number;
}

/** Builds; the named layer must be one whose script runs. */
export function buildOne(project: string, layer: string, ...args: readonly string[]): BuiltLayer {
  const begun = performance.now();
  const events = output([VLB, '-C', project, 'build', '--progress', 'json', ...args]);
  const whole = (performance.now() - begun) / 1000;
  const finished = events
    .trim()
    .split('\n')
    .map((line): BuildEvent => JSON.parse(line)) // vlb's own promise
    .find(
      (event): event is LayerFinished =>
        event.type === 'layer-finished' && event.layer === layer && event.outcome === 'built',
    );
  if (!finished) throw new Error(`${layer} was not built`);
  return { layer: finished.seconds, whole, bytes: finished.bytes ?? 0 };
}
