// Reads `system:` and `disks:` of a layer.yaml.

import * as v from 'valibot';
import { fail, ok, type Result } from '../../model/failure.ts';
import type { Hints } from '../../model/project.ts';
import type { Installation, LayerSystem } from '../../model/system/system.ts';
import { installationOf } from '../../system/installation.ts';
import { DISKS_SCHEMA, SYSTEM_SCHEMA } from '../../system/schema.ts';
import { isObject } from '../../util/json.ts';
import type { FieldPath, StepsFile } from './file.ts';
import { problemOf } from './issues.ts';
import { type About, renderAll } from './resolve.ts';

/** The name of a release of a distribution, by its name or number. Fails as `usage` for one that is not known. */
export function releaseNamed(distribution: string, text: string): Result<string> {
  const about = { name: '', architecture: 'x64', sectorSize: undefined };
  const made = installationOf({ distribution, suite: text }, undefined, about);
  if (made.ok) return ok(made.value.system.suite);
  const { message, hint } = made.problem;
  return fail('usage', message, hint === undefined ? {} : { hint });
}

/** The hints of a layer with a system: it is built on no other one, and opens what it encrypts. */
export function systemHints(hints: Hints, { value, placeOf }: StepsFile): Hints {
  const encrypted = passphrasesIn(value).map(([name, path]) => ({ name, line: placeOf(path).line }));
  const isNew = (known: readonly string[]) => (one: { readonly name: string }, index: number) =>
    !known.includes(one.name) && encrypted.findIndex(({ name }) => name === one.name) === index;
  return {
    ...hints,
    from: 'scratch',
    passphrases: [
      ...hints.passphrases,
      ...encrypted.filter(isNew(hints.passphrases)).map(({ name }) => name),
    ],
    secrets: [...hints.secrets, ...encrypted.filter(isNew(hints.secrets.map(({ name }) => name)))],
  };
}

/** The names of the secrets of all disks, each with its path. They are no texts with params: which secrets a layer has is known before those. */
function passphrasesIn(value: unknown): readonly (readonly [name: string, path: FieldPath])[] {
  const disks = isObject(value) && isObject(value['disks']) ? value['disks'] : {};
  return Object.entries(disks).flatMap(([disk, fields]) => {
    const partitions = isObject(fields) && Array.isArray(fields['partitions']) ? fields['partitions'] : [];
    return partitions.flatMap((one: unknown, index) => {
      const name = isObject(one) ? one['passphrase'] : undefined;
      return typeof name === 'string'
        ? [[name, ['disks', disk, 'partitions', index, 'passphrase']] as const]
        : [];
    });
  });
}

/** What reading needs to know of the layer. */
export interface SystemAbout extends About {
  readonly sectorSize: number | undefined;
  readonly from: unknown;
}

/**
 * The system of a layer; undefined for a layer without one. Its fields are read with the values of params, by `resolve`. Fails as
 * `usage`, with the place, for fields that do not go together.
 */
export function readSystem(file: StepsFile, about: SystemAbout): Result<LayerSystem | undefined> {
  const { value, placeOf } = file;
  if (!isObject(value)) return ok(undefined);
  if (value['system'] === undefined) {
    if (value['disks'] === undefined) return ok(undefined);
    return fail('usage', '"disks" is only for a layer with "system"', { where: placeOf(['disks']) });
  }
  if (about.from !== undefined) {
    return fail('usage', 'a layer with "system" begins with an empty disk, and is built on no other layer', {
      where: placeOf(['from']),
      hint: 'leave "from" out',
    });
  }
  const variable = passphrasesIn(value).find(([name]) => name.includes('{{'));
  if (variable) {
    return fail('usage', 'a passphrase must be the name of a secret, without params', {
      where: placeOf(variable[1]),
    });
  }
  return ok({
    installation: undefined,
    resolve: (params) => resolve(value, file, params, about),
  });
}

function resolve(
  value: Readonly<Record<string, unknown>>,
  file: StepsFile,
  params: Readonly<Record<string, string>>,
  about: SystemAbout,
): Result<Installation> {
  const system = field('system', SYSTEM_SCHEMA, value, file, params, about);
  if (!system.ok) return system;
  const disks =
    value['disks'] === undefined ? ok(undefined) : field('disks', DISKS_SCHEMA, value, file, params, about);
  if (!disks.ok) return disks;
  const made = installationOf(system.value, disks.value, {
    name: about.name.replace(/^\d+_/, ''),
    architecture: about.architecture,
    sectorSize: about.sectorSize,
  });
  if (!made.ok) {
    const { path, message, hint } = made.problem;
    return fail('usage', message, { where: file.placeOf(path), ...(hint === undefined ? {} : { hint }) });
  }
  const packages = system.value.packages ?? [];
  const volumes = Object.entries(disks.value ?? {}).flatMap(([name, { partitions = [] }]) =>
    partitions.flatMap((one, index) => {
      const isOne = (one.volume ?? one['volume-group'] ?? one.passphrase) !== undefined;
      return isOne ? [['disks', name, 'partitions', index]] : [];
    }),
  );
  return ok({
    ...made.value,
    placeOf(name) {
      const index = packages.findIndex((one) => one.replace(/[:=].*$/, '') === name);
      return file.placeOf(index < 0 ? ['system', 'packages'] : ['system', 'packages', index]);
    },
    placeOfVolumes: () => file.placeOf(volumes[0] ?? ['disks']),
  });
}

function field<Schema extends v.GenericSchema>(
  name: string,
  schema: Schema,
  value: Readonly<Record<string, unknown>>,
  file: StepsFile,
  values: Readonly<Record<string, string>>,
  about: About,
): Result<v.InferOutput<Schema>> {
  const rendered = renderAll(value[name], { file, path: [name], values, about });
  if (!rendered.ok) return rendered;
  const parsed = v.safeParse(schema, rendered.value);
  if (parsed.success) return ok(parsed.output);
  const problem = problemOf(name, schema, parsed.issues);
  return fail('usage', problem.message, {
    where: file.placeOf([name, ...problem.path]),
    ...(problem.hint === undefined ? {} : { hint: problem.hint }),
  });
}
