// From a profile and its values to the files of a machine: a layer.yaml for each layer, and its entry in vlb.yaml. Pure.

import { Document, parseDocument } from 'yaml';
import { fail, ok, type Result } from '../model/failure.ts';
import { isObject } from '../util/json.ts';
import type { Profile } from './profile.ts';
import type { Value } from './values.ts';

/** A file to write. */
export interface ProfileFile {
  /** Relative to the project. */
  readonly path: string;
  readonly text: string;
}

/** Where the machine goes. */
export interface Site {
  /** The name of the machine, valid as that of a layer. */
  readonly machine: string;
  /** The layer that it is built on; undefined for a base of vlb.yaml, in a project without layers. */
  readonly parent: string | undefined;
  /** The number of its first layer. */
  readonly number: number;
  /** Where layers are, relative to the project: `layers`, or nothing in older projects. */
  readonly directory: string;
  /** The text of vlb.yaml; empty without one. */
  readonly config: string;
}

/** The files. Fails as `usage` for a field that the profile does not have, and for a machine that vlb.yaml has. */
export function fill(
  profile: Profile,
  values: ReadonlyMap<string, Value>,
  { machine, parent, number, directory, config }: Site,
): Result<readonly ProfileFile[]> {
  const isKept = (name: unknown) => typeof name !== 'string' || values.get(name) !== undefined;
  const layers = profile.layers.filter(({ when }) => isKept(when));
  const files: ProfileFile[] = [];
  let above = parent;
  let last = '';
  for (const [index, { name, steps }] of layers.entries()) {
    last = `${number + index}_${machine}${name === undefined ? '' : `-${name}`}`;
    const filled = filledIn(steps, values);
    if (!filled.ok) return filled;
    const document = new Document({ ...(above === undefined ? {} : { from: above }), steps: filled.value });
    document.commentBefore = ` Made from the profile ${profile.name}.`;
    files.push({ path: `${directory}${last}/layer.yaml`, text: document.toString({ lineWidth: 100 }) });
    above = last;
  }
  const filled = filledIn(profile.machine, new Map([...values, ['layer', last]]));
  if (!filled.ok) return filled;
  const document = parseDocument(config);
  const [error] = document.errors;
  if (error) return fail('usage', `vlb.yaml: ${error.message}`);
  if (document.hasIn(['machines', machine]))
    return fail('usage', `the machine ${machine} exists in vlb.yaml`);
  document.setIn(['machines', machine], document.createNode(filled.value));
  return ok([...files, { path: 'vlb.yaml', text: document.toString({ lineWidth: 100 }) }]);
}

/** A value of the profile with those of the fields in it. What is left out, and lists that are empty then, are not in it. */
function filledIn(value: unknown, values: ReadonlyMap<string, Value>): Result<unknown> {
  if (typeof value === 'string') return filledText(value, values);
  if (Array.isArray(value)) {
    const items: unknown[] = [];
    for (const item of value) {
      const when = isObject(item) ? item['when'] : undefined;
      if (typeof when === 'string' && values.get(when) === undefined) continue;
      const filled = filledIn(item, values);
      if (!filled.ok) return filled;
      if (filled.value !== undefined) items.push(filled.value);
    }
    return ok(items.length === 0 && value.length > 0 ? undefined : items);
  }
  if (!isObject(value)) return ok(value);
  const entries: [string, unknown][] = [];
  for (const [name, field] of Object.entries(value)) {
    if (name === 'when') continue;
    const filled = filledIn(field, values);
    if (!filled.ok) return filled;
    if (filled.value !== undefined) entries.push([name, filled.value]);
  }
  return ok(Object.fromEntries(entries));
}

/** A text that is one field is the value of that, also a list; in other texts, values are put in. */
function filledText(text: string, values: ReadonlyMap<string, Value>): Result<unknown> {
  const names = [...text.matchAll(/\$\{(\w+)\}/g)].flatMap(([, name]) => name ?? []);
  const unknown = names.find((name) => !values.has(name));
  if (unknown !== undefined) return fail('usage', `the profile has no field "${unknown}"`);
  const [only] = names;
  if (only !== undefined && text === `\${${only}}`) return ok(values.get(only));
  return ok(text.replace(/\$\{(\w+)\}/g, (_all, name: string) => String(values.get(name) ?? '')));
}
