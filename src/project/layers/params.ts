// Parameters: combines the values from the command line (`-p NAME=VALUE`) with the layers' declarations (`# vlb: param NAME`).

import path from 'node:path';
import { fail, ok, type Result } from '../../model/failure.ts';
import { type Hints, type Layer, scriptFile } from '../../model/project.ts';
import type { Installation } from '../../model/system/system.ts';
import { guessHint } from '../../util/nearest.ts';
import { takeTarget } from './targets.ts';

/** Parses `NAME=VALUE` words. Fails as `usage` for a malformed one, or a name given twice. */
export function parseParams(words: readonly string[]): Result<ReadonlyMap<string, string>> {
  const given = new Map<string, string>();
  for (const word of words) {
    const [, name, value] = /^([A-Za-z_]\w*)=(.*)$/s.exec(word) ?? [];
    if (name === undefined || value === undefined) {
      return fail('usage', `-p ${word}: not a parameter`, { hint: 'write it as NAME=VALUE' });
    }
    if (given.has(name)) return fail('usage', `-p ${name} is given twice`);
    given.set(name, value);
  }
  return ok(given);
}

/** Fails as `usage` for a parameter that no layer declares. */
export function checkParams(layers: readonly Layer[], given: ReadonlyMap<string, string>): Result<void> {
  const known = new Set(layers.flatMap((layer) => layer.hints.params.map((param) => param.name)));
  for (const name of given.keys()) {
    if (known.has(name)) continue;
    const hint = guessHint(name, [...known], 'declare it in a layer with "# vlb: param NAME"');
    return fail('usage', `no layer has a parameter ${name}`, { hint });
  }
  return ok();
}

/** The values of a layer's parameters. Fails as `usage` for one without a value, with the location of its hint. */
export function paramsOf(
  layer: Layer,
  given: ReadonlyMap<string, string>,
): Result<Readonly<Record<string, string>>> {
  const params: Record<string, string> = {};
  for (const param of layer.hints.params) {
    const value = given.get(param.name) ?? param.default;
    if (value === undefined) {
      return fail('usage', `layer ${layer.name} requires a value for its parameter ${param.name}`, {
        where: { file: scriptFile(layer), line: param.line },
        hint: `pass -p ${param.name}=VALUE, or set a default in the hint`,
      });
    }
    params[param.name] = value;
  }
  return ok(params);
}

/** A layer with the values of its parameters. Fails as {@link paramsOf} does, and as `usage` for a step that they make invalid. */
export function withParams(layer: Layer, given: ReadonlyMap<string, string>): Result<Layer> {
  const params = paramsOf(layer, given);
  if (!params.ok) return params;
  const { steps, system, hints } = layer;
  if (!steps) return ok({ ...layer, params: params.value });
  const resolved = steps.resolve(params.value);
  if (!resolved.ok) return resolved;
  const installed = system?.resolve(params.value);
  if (installed && !installed.ok) return installed;
  const installation = installed?.value;
  const targetLines = new Map(hints.targetLines);
  const cacheDirs = [...hints.cacheDirs];
  const kept = (installation?.cacheDirs ?? []).map((directory) => [directory, 1] as const);
  for (const [directory, line] of [...kept, ...resolved.value.cacheDirs]) {
    if (cacheDirs.some((other) => samePlace(other, directory))) continue;
    const wrong = takeTarget({ targetLines }, directory, line);
    if (wrong !== undefined) {
      const where = { file: scriptFile(layer), line };
      return fail('usage', `the step keeps ${directory} between builds, but ${wrong}`, { where });
    }
    cacheDirs.push(directory);
  }
  return ok({
    ...layer,
    params: params.value,
    hints: {
      ...hints,
      cacheDirs,
      targetLines,
      ...(installation ? disksOf(hints, installation) : {}),
    },
    ...(system ? { system: { ...system, installation } } : {}),
    steps: { ...steps, all: resolved.value.all },
  });
}

/** The sizes of the disks, as hints. */
function disksOf(
  { disks }: Hints,
  { disk, further }: Installation,
): Pick<Hints, 'disks'> & { readonly diskSize: number } {
  const own = further.map((one) => ({ name: one.name, size: one.disk.size }));
  const others = disks.filter(({ name }) => !own.some((one) => one.name === name));
  return { diskSize: disk.size, disks: [...own, ...others] };
}

function samePlace(a: string, b: string): boolean {
  return path.posix.normalize(`${a}/`) === path.posix.normalize(`${b}/`);
}
