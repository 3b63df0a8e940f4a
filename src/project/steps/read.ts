// Reads a layer.yaml: its hints, its system, and its steps. Loaded only for layers that have one.

import path from 'node:path';
import { fail, ok, type Result } from '../../model/failure.ts';
import type { Platform } from '../../model/platform.ts';
import type { Hints, LayerSteps } from '../../model/project.ts';
import type { LayerSystem } from '../../model/system/system.ts';
import { isObject } from '../../util/json.ts';
import { readEntries } from './entries.ts';
import { readHints } from './fields.ts';
import { openStepsFile } from './file.ts';
import { resolveEntries, VALUE } from './resolve.ts';

export const LAYER_FILE = 'layer.yaml';

export interface LayerFile {
  readonly hints: Hints;
  readonly steps: LayerSteps;
  readonly system?: LayerSystem;
}

/**
 * The layer that a layer.yaml describes. The arguments of its steps are read with the values of params, by `steps.resolve`.
 * Fails as `usage`, with file, line and column.
 * @param directory absolute path of the layer
 */
export async function readLayerFile(directory: string, platform: Platform): Promise<Result<LayerFile>> {
  const file = openStepsFile(directory, LAYER_FILE);
  if (!file.ok) return file;
  const hints = readHints(file.value);
  if (!hints.ok) return hints;
  const { value, placeOf } = file.value;
  const cachePoints = isObject(value) ? (value['cache-points'] ?? true) : true;
  if (typeof cachePoints !== 'boolean') {
    return fail('usage', 'cache-points must be true or false', { where: placeOf(['cache-points']) });
  }
  const hasSystem = isObject(value) && (value['system'] ?? value['disks']) !== undefined;
  const isWithoutSteps = hasSystem && value['steps'] === undefined;
  const read = isWithoutSteps ? ok({ entries: [], files: [file.value] }) : readEntries(directory, file.value);
  if (!read.ok) return read;
  const { entries, files } = read.value;
  const hasValues = files.some(({ text }) => text.includes(VALUE));
  const about = {
    architecture: platform.architecture,
    name: path.basename(directory),
    directory,
    secrets: hints.value.secrets.map(({ name }) => name),
    render: hasValues ? (await import('../../steps/render.ts')).renderField : undefined,
  };
  const { from, sectorSize } = hints.value;
  const system = hasSystem
    ? (await import('./system.ts')).readSystem(file.value, { ...about, from, sectorSize })
    : ok(undefined);
  if (!system.ok) return system;
  return ok({
    hints: system.value ? { ...hints.value, from: 'scratch' } : hints.value,
    ...(system.value ? { system: system.value } : {}),
    steps: {
      cachePoints,
      files: files.map(({ name }) => name),
      all: [],
      resolve: (params) => resolveEntries(entries, params, about),
    },
  });
}
