// `when:` of a step: conditions on the parameters and the architecture, which are known before anything runs, and on the system of
// the image, which is known when the step runs.

import { fail, ok, type Result } from '../../model/failure.ts';
import type { SystemCondition } from '../../model/project.ts';
import { isObject } from '../../util/json.ts';
import { guessHint } from '../../util/nearest.ts';
import type { FieldPath, StepsFile } from './file.ts';

/** A condition as it is written: each field has the values of which one must be there. All fields must hold, or not all if `not`. */
export interface Condition {
  readonly not: boolean;
  readonly distribution?: readonly string[];
  readonly version?: readonly string[];
  readonly architecture?: readonly string[];
  readonly params?: Readonly<Record<string, readonly string[]>>;
  readonly file: StepsFile;
  readonly path: FieldPath;
}

const VALUES = ['distribution', 'version', 'architecture'] as const;
const FIELDS = [...VALUES, 'params', 'not'];

/** The names by which distributions know the architectures of Node. */
const ARCHITECTURES: Readonly<Record<string, string>> = {
  amd64: 'x64',
  x86_64: 'x64',
  aarch64: 'arm64',
  i386: 'ia32',
  i686: 'ia32',
  armhf: 'arm',
  ppc64le: 'ppc64',
};

/** The conditions of a `when:`; all must hold. Fails as `usage`, with its place. */
export function parseWhen(
  value: unknown,
  file: StepsFile,
  path: FieldPath,
  not = false,
): Result<readonly Condition[]> {
  const where = file.placeOf(path);
  if (!isObject(value) || Object.keys(value).length === 0) {
    return fail('usage', 'when must be a mapping like "distribution: debian"', {
      where,
      hint: `valid fields: ${FIELDS.join(', ')}`,
    });
  }
  const unknown = Object.keys(value).find((name) => !FIELDS.includes(name));
  if (unknown !== undefined) {
    return fail('usage', `unknown field "when.${unknown}"`, {
      where: file.placeOf([...path, unknown]),
      hint: guessHint(unknown, FIELDS, `valid fields: ${FIELDS.join(', ')}`),
    });
  }
  const fields: Partial<Record<(typeof VALUES)[number], readonly string[]>> = {};
  for (const name of VALUES) {
    if (value[name] === undefined) continue;
    const texts = textsOf(value[name], `when.${name}`, file, [...path, name]);
    if (!texts.ok) return texts;
    fields[name] = texts.value;
  }
  const params: Record<string, readonly string[]> = {};
  const given = value['params'] ?? {};
  if (!isObject(given)) {
    return fail('usage', 'when.params must be a mapping like "ROLE: web"', {
      where: file.placeOf([...path, 'params']),
    });
  }
  for (const [name, wanted] of Object.entries(given)) {
    const texts = textsOf(wanted, `when.params.${name}`, file, [...path, 'params', name]);
    if (!texts.ok) return texts;
    params[name] = texts.value;
  }
  const below = value['not'] === undefined ? ok([]) : parseWhen(value['not'], file, [...path, 'not'], !not);
  if (!below.ok) return below;
  const own = { not, ...fields, ...(value['params'] === undefined ? {} : { params }), file, path };
  const isEmpty = Object.keys(fields).length === 0 && value['params'] === undefined;
  if (not && value['not'] !== undefined) {
    return fail('usage', 'when.not cannot have a "not" of its own', {
      where: file.placeOf([...path, 'not']),
    });
  }
  return ok([...(isEmpty ? [] : [own]), ...below.value]);
}

function textsOf(value: unknown, name: string, file: StepsFile, path: FieldPath): Result<readonly string[]> {
  const list = Array.isArray(value) ? value : [value];
  const texts = list.map((one) => (typeof one === 'boolean' ? String(one) : one));
  const isList = texts.length > 0 && texts.every((one): one is string => typeof one === 'string');
  if (isList) return ok(texts);
  return fail('usage', `${name} must be a text, or a list of texts of which one fits`, {
    where: file.placeOf(path),
  });
}

/**
 * What is left of conditions once the parameters are known: `never` if one cannot hold, otherwise those on the system. Fails as
 * `usage` for a parameter that does not exist.
 */
export function remaining(
  conditions: readonly Condition[],
  params: Readonly<Record<string, string>>,
  architecture: string,
): Result<readonly SystemCondition[] | 'never'> {
  const left: SystemCondition[] = [];
  for (const {
    not,
    distribution,
    version,
    architecture: wanted,
    params: values = {},
    file,
    path,
  } of conditions) {
    for (const name of Object.keys(values)) {
      if (Object.hasOwn(params, name)) continue;
      const known = Object.keys(params);
      return fail('usage', `when.params.${name}: no such parameter`, {
        where: file.placeOf([...path, 'params', name]),
        hint: guessHint(name, known, `declare it: params: [${name}]`),
      });
    }
    const isKnown =
      (wanted ?? [architecture]).some((name) => (ARCHITECTURES[name] ?? name) === architecture) &&
      Object.entries(values).every(([name, texts]) => texts.includes(params[name] ?? ''));
    const isOfSystem = distribution !== undefined || version !== undefined;
    if (isKnown && isOfSystem) {
      left.push({ not, ...(distribution && { distribution }), ...(version && { version }) });
    } else if (isKnown === not) return ok('never');
  }
  return ok(left);
}
