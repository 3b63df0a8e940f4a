// The entries of `steps:`, with those of included files in their places: which verb each has, and what it is in. Arguments are left to
// resolve.ts, since params may be in them.

import path from 'node:path';
import { fail, ok, type Result } from '../../model/failure.ts';
import { VERBS } from '../../steps/registry.ts';
import type { Verb } from '../../steps/verb.ts';
import { isObject } from '../../util/json.ts';
import { guessHint } from '../../util/nearest.ts';
import { type FieldPath, openStepsFile, type StepsFile } from './file.ts';
import { type Condition, parseWhen } from './when.ts';

/** The words of an entry that are no verbs. */
export const INCLUDE = 'include';
const WHEN = 'when';

const BY_NAME: ReadonlyMap<string, Verb> = new Map(VERBS.map((verb) => [verb.name, verb]));

/** One step, as it is written. */
export interface Entry {
  readonly verb: Verb;
  readonly args: unknown;
  readonly file: StepsFile;
  /** The path of the arguments in the file. */
  readonly path: FieldPath;
  readonly when: readonly Condition[];
  /** The params of the files in which it is, the outermost first. */
  readonly scopes: readonly Scope[];
}

/** The params of one `include`. */
export interface Scope {
  readonly params: readonly { readonly name: string; readonly value: string; readonly path: FieldPath }[];
  /** Where they are written. */
  readonly file: StepsFile;
}

interface Place {
  readonly when: readonly Condition[];
  readonly scopes: readonly Scope[];
  /** The files in which it is, the innermost last. */
  readonly files: readonly StepsFile[];
}

export interface Entries {
  readonly entries: readonly Entry[];
  /** The files that they come from, layer.yaml first. */
  readonly files: readonly StepsFile[];
}

/**
 * All steps of a layer. Fails as `usage`, with their place, for entries that are not steps, and for files that cannot be included.
 * @param layer absolute path of its directory
 */
export function readEntries(layer: string, main: StepsFile): Result<Entries> {
  const files = [main];
  const open = (name: string, where: ReturnType<StepsFile['placeOf']>): Result<StepsFile> => {
    const known = files.find((file) => file.name === path.normalize(name));
    if (known) return ok(known);
    const file = openStepsFile(layer, name, where);
    if (file.ok) files.push(file.value);
    return file;
  };

  const listOf = (value: unknown, at: FieldPath, place: Place): Result<readonly Entry[]> => {
    const file = place.files.at(-1) ?? main;
    if (!Array.isArray(value) || value.length === 0) {
      return fail('usage', 'steps must be a list, like "- install: nginx"', { where: file.placeOf(at) });
    }
    const entries: Entry[] = [];
    for (const [index, one] of value.entries()) {
      const read = entryOf(one, [...at, index], place);
      if (!read.ok) return read;
      entries.push(...read.value);
    }
    return ok(entries);
  };

  const entryOf = (given: unknown, at: FieldPath, place: Place): Result<readonly Entry[]> => {
    const file = place.files.at(-1) ?? main;
    // `- sysprep`: a verb that needs no arguments.
    const value = typeof given === 'string' ? { [given]: null } : given;
    const inside = typeof given === 'string' ? at : undefined;
    if (!isObject(value)) {
      return fail('usage', 'a step must be a mapping, like "install: nginx"', { where: file.placeOf(at) });
    }
    const words = Object.keys(value).filter((name) => name !== WHEN);
    const known = [...BY_NAME.keys(), INCLUDE];
    const unknown = words.find((name) => !known.includes(name));
    if (unknown !== undefined) {
      return fail('usage', `unknown verb "${unknown}"`, {
        where: file.placeOf(inside ?? [...at, unknown]),
        hint: guessHint(unknown, known, `valid verbs: ${known.join(', ')}`, (guess) => `"${guess}"`),
      });
    }
    const [word, second] = words;
    if (word === undefined) {
      return fail('usage', 'the step has no verb', {
        where: file.placeOf(at),
        hint: `valid verbs: ${known.join(', ')}`,
      });
    }
    if (second !== undefined) {
      return fail('usage', `a step has one verb, and this one has ${word} and ${second}`, {
        where: file.placeOf([...at, second]),
        hint: `begin another step: "- ${second}: …"`,
      });
    }
    const own = value[WHEN] === undefined ? ok([]) : parseWhen(value[WHEN], file, [...at, WHEN]);
    if (!own.ok) return own;
    const below = { ...place, when: [...place.when, ...own.value] };
    if (word === INCLUDE) return included(value[word], [...at, word], below);
    const verb = BY_NAME.get(word);
    if (!verb) return ok([]);
    const { when, scopes } = below;
    return ok([{ verb, args: value[word], file, path: inside ?? [...at, word], when, scopes }]);
  };

  const included = (value: unknown, at: FieldPath, place: Place): Result<readonly Entry[]> => {
    const from = place.files.at(-1) ?? main;
    const read = readInclude(value, from, at);
    if (!read.ok) return read;
    const where = from.placeOf(at);
    const file = open(read.value.name, where);
    if (!file.ok) return file;
    if (place.files.includes(file.value)) {
      const ring = [...place.files, file.value].map(({ name }) => name);
      return fail('usage', `files include each other in a cycle: ${ring.join(' → ')}`, { where });
    }
    const body = bodyOf(file.value, read.value.scope, where);
    if (!body.ok) return body;
    const files = [...place.files, file.value];
    return listOf(body.value.steps, body.value.path, {
      ...place,
      files,
      scopes: [...place.scopes, ...body.value.scopes],
    });
  };

  const { value } = main;
  const steps = isObject(value) ? value['steps'] : undefined;
  const all = listOf(steps, ['steps'], { when: [], scopes: [], files: [main] });
  return all.ok ? ok({ entries: all.value, files }) : all;
}

/** What an `include` says: the name of a file, or a mapping with `file` and `params`. */
function readInclude(
  value: unknown,
  file: StepsFile,
  at: FieldPath,
): Result<{ readonly name: string; readonly scope: Scope }> {
  const where = file.placeOf(at);
  if (typeof value === 'string') return ok({ name: value, scope: { params: [], file } });
  const name = isObject(value) ? value['file'] : undefined;
  if (!isObject(value) || typeof name !== 'string') {
    return fail('usage', 'include must be a file of the layer, or a mapping with "file"', { where });
  }
  const unknown = Object.keys(value).find((field) => !['file', 'params'].includes(field));
  if (unknown !== undefined) {
    return fail('usage', `unknown field "include.${unknown}"`, {
      where: file.placeOf([...at, unknown]),
      hint: guessHint(unknown, ['file', 'params'], 'valid fields: file, params'),
    });
  }
  const params = paramsIn(value['params'] ?? {}, file, [...at, 'params'], 'include.params');
  return params.ok ? ok({ name, scope: { params: params.value, file } }) : params;
}

function paramsIn(given: unknown, file: StepsFile, at: FieldPath, name: string): Result<Scope['params']> {
  const params: { name: string; value: string; path: FieldPath }[] = [];
  const where = file.placeOf(at);
  if (!isObject(given)) {
    return fail('usage', `${name} must be a mapping of names to values`, { where });
  }
  for (const [param, value] of Object.entries(given)) {
    const text = typeof value === 'boolean' ? String(value) : value;
    if (typeof text !== 'string' || !/^[A-Za-z_]\w*$/.test(param)) {
      return fail(
        'usage',
        `${name}.${param} must be a text, under a name of letters, digits and underscores`,
        {
          where: file.placeOf([...at, param]),
        },
      );
    }
    params.push({ name: param, value: text, path: [...at, param] });
  }
  return ok(params);
}

interface Body {
  readonly steps: unknown;
  /** Where they are. */
  readonly path: FieldPath;
  /** Its own defaults, and what the `include` gives. */
  readonly scopes: readonly Scope[];
}

/** The steps of an included file: a list, or a mapping with `steps` and the defaults of its `params`. */
function bodyOf(file: StepsFile, given: Scope, where: ReturnType<StepsFile['placeOf']>): Result<Body> {
  if (!isObject(file.value)) return ok({ steps: file.value, path: [], scopes: [given] });
  const unknown = Object.keys(file.value).find((field) => !['params', 'steps'].includes(field));
  if (unknown !== undefined) {
    return fail('usage', `unknown field "${unknown}" of an included file`, {
      where: file.placeOf([unknown]),
      hint: guessHint(unknown, ['params', 'steps'], 'valid fields: params, steps'),
    });
  }
  const { params: declared = {}, steps } = file.value;
  const names = isObject(declared) ? Object.keys(declared) : [];
  const defaults = isObject(declared)
    ? Object.fromEntries(Object.entries(declared).filter(([, value]) => value !== null))
    : declared;
  const own = paramsIn(defaults, file, ['params'], 'params');
  if (!own.ok) return own;
  const given_ = given.params.map(({ name }) => name);
  const lacking = names.find((name) => !given_.includes(name) && !Object.hasOwn(Object(defaults), name));
  if (lacking !== undefined) {
    return fail('usage', `include of ${file.name} requires a value for its parameter ${lacking}`, {
      where,
      hint: `add it: include: { file: ${file.name}, params: { ${lacking}: … } }`,
    });
  }
  return ok({ steps, path: ['steps'], scopes: [{ params: own.value, file }, given] });
}
