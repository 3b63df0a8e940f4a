// Reads a layer.yaml: its hints, its system, and its steps. Loaded only for layers that have one.

import path from 'node:path';
import { fail, ok, type Result } from '../../model/failure.ts';
import type { Platform } from '../../model/platform.ts';
import type { Hints, LayerSteps } from '../../model/project.ts';
import type { LayerSystem } from '../../model/system/system.ts';
import { isObject } from '../../util/json.ts';
import { readEntries } from './entries.ts';
import { readHints } from './fields.ts';
import { openStepsFile, type StepsFile } from './file.ts';
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
 * @param name of the file: a kickstart file can be in the place of a layer.yaml
 */
export async function readLayerFile(
  directory: string,
  platform: Platform,
  name = LAYER_FILE,
): Promise<Result<LayerFile>> {
  if (name !== LAYER_FILE) {
    const { readKickstart } = await import('./kickstart.ts');
    const kickstart = readKickstart(directory, name);
    if (!kickstart.ok) return kickstart;
    const { file, hints, files, notes } = kickstart.value;
    const read = await readFields(directory, platform, file, hints);
    if (!read.ok) return read;
    const { steps, system } = read.value;
    return ok({
      ...read.value,
      steps: { ...steps, files },
      ...(system === undefined ? {} : { system: { ...system, notes } }),
    });
  }
  const file = openStepsFile(directory, LAYER_FILE);
  if (!file.ok) return file;
  const hints = readHints(file.value);
  return hints.ok ? readFields(directory, platform, file.value, hints.value) : hints;
}

async function readFields(
  directory: string,
  platform: Platform,
  file: StepsFile,
  hints: Hints,
): Promise<Result<LayerFile>> {
  const { value, placeOf } = file;
  const cachePoints = isObject(value) ? (value['cache-points'] ?? true) : true;
  if (typeof cachePoints !== 'boolean') {
    return fail('usage', 'cache-points must be true or false', { where: placeOf(['cache-points']) });
  }
  const hasSystem = isObject(value) && (value['system'] ?? value['disks']) !== undefined;
  const isWithoutSteps = hasSystem && value['steps'] === undefined;
  const read = isWithoutSteps ? ok({ entries: [], files: [file] }) : readEntries(directory, file);
  if (!read.ok) return read;
  const { entries, files } = read.value;
  const hasValues = files.some(({ text }) => text.includes(VALUE));
  const about = {
    architecture: platform.architecture,
    name: path.basename(directory),
    directory,
    secrets: hints.secrets.map(({ name }) => name),
    render: hasValues ? (await import('../../steps/render.ts')).renderField : undefined,
  };
  const { from, sectorSize } = hints;
  const systems = hasSystem ? await import('./system.ts') : undefined;
  const system = systems ? systems.readSystem(file, { ...about, from, sectorSize }) : ok(undefined);
  if (!system.ok) return system;
  return ok({
    hints: systems && system.value ? systems.systemHints(hints, file) : hints,
    ...(system.value ? { system: system.value } : {}),
    steps: {
      cachePoints,
      files: files.map(({ name }) => name),
      all: [],
      resolve: (params) => resolveEntries(entries, params, about),
    },
  });
}
