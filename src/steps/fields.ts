// What the arguments of several verbs are made of: paths of the image and of the layer, modes, owners, names. A value that is not
// of these forms is refused, so that none can be an option or another command.

import * as v from 'valibot';
import { guessHint } from '../util/nearest.ts';

/** A mapping with these fields and no others. */
export function mapping<const Entries extends v.ObjectEntries>(entries: Entries) {
  const known = Object.keys(entries);
  const schema = v.strictObject(entries, (issue) => {
    if (issue.path === undefined) return `must be a mapping with ${known.join(', ')}`;
    if (issue.expected !== 'never') return 'is missing';
    const name = String(issue.path[0].key);
    return `unknown field "${name}" (${guessHint(name, known, `valid fields: ${known.join(', ')}`)})`;
  });
  return rejecting(schema, Array.isArray);
}

/** One of two or three forms, by the type of what is given, so that a mistake in one form is reported as that. */
export function oneOf<const Options extends v.UnionOptions>(rule: string, options: Options) {
  const schema = v.union(options, rule);
  const run = schema['~run'].bind(schema);
  const runOne: typeof run = (dataset, config) => {
    const option = options.find(({ type }) => shapeOfSchema(type) === shapeOf(dataset.value));
    // Its output is one of the union's.
    return option === undefined
      ? run(dataset, config)
      : (option['~run'](dataset, config) as ReturnType<typeof run>);
  };
  return Object.assign(schema, { '~run': runOne });
}

function shapeOf(value: unknown): string {
  if (Array.isArray(value)) return 'list';
  return typeof value === 'object' && value !== null ? 'mapping' : typeof value;
}

function shapeOfSchema(type: string): string {
  if (type === 'array') return 'list';
  return type === 'strict_object' || type === 'record' ? 'mapping' : type;
}

/** Makes a schema reject some values that it would take for others. */
function rejecting<Schema extends v.GenericSchema>(schema: Schema, isWrong: (value: unknown) => boolean) {
  const run = schema['~run'].bind(schema);
  const runRejecting: typeof run = (dataset, config) =>
    run(isWrong(dataset.value) ? { value: null } : dataset, config);
  return Object.assign(schema, { '~run': runRejecting });
}

/** One value, or a list of at least one. */
export function oneOrMany<const Item extends v.GenericSchema<string, string>>(rule: string, item: Item) {
  return oneOf(`${rule}, or a list`, [item, v.pipe(v.array(item), v.minLength(1, 'must not be empty'))]);
}

/** The values of `oneOrMany`. */
export function asList(given: string | readonly string[] | undefined): readonly string[] {
  if (given === undefined) return [];
  return typeof given === 'string' ? [given] : given;
}

/** A string of this form. */
export function pattern(rule: string, form: RegExp) {
  return v.pipe(v.string(rule), v.regex(form, rule));
}

/** Any text that a shell can hold. */
export function text(rule = 'must be a string') {
  return v.pipe(v.string(rule), v.regex(/^[^\0]*$/, 'must not contain NUL'));
}

/** A text of one line. */
export function line(rule: string) {
  return pattern(rule, /^[^\0\n\r]+$/);
}

const IMAGE_PATH = 'must be an absolute path in the image';

/** A path of the image: absolute, and without `..`, so that it says itself where it leads. */
export function imagePath() {
  return pattern(IMAGE_PATH, /^(?![\s\S]*\/\.\.(?:\/|$))\/[^\0]*$/);
}

/** A path of the image, other than its root. */
export function imagePathBelowRoot() {
  return v.pipe(imagePath(), v.regex(/[^/.]/, 'must not be the root directory'));
}

const LAYER_PATH = 'must be a path in the layer, relative and without ".."';
const LAYER_PATH_FORM = /^(?!\/)(?!(?:[\s\S]*\/)?\.\.(?:\/|$))[^\0]+$/;

/** A file of the layer. */
export function layerPath() {
  return pattern(LAYER_PATH, LAYER_PATH_FORM);
}

/** Files of the layer, as a pattern of fast-glob. */
export function layerPattern() {
  return pattern(LAYER_PATH, LAYER_PATH_FORM);
}

/** A mode in octal. As YAML says nothing of octal numbers, 0644 and '0644' are the same here. */
export function mode() {
  return pattern('must be an octal mode, such as 0644', /^0?[0-7]{3,4}$/);
}

const OWNER = /^[A-Za-z0-9_][A-Za-z0-9_.-]*\$?(?::[A-Za-z0-9_][A-Za-z0-9_.-]*\$?)?$/;

/** A user, or a user and a group. */
export function owner() {
  return pattern('must be a user, or user:group', OWNER);
}

/** A user or group that exists or is made; what useradd(8) of Debian and EL take. */
export function accountName(what = 'user') {
  return pattern(`must be the name of a ${what}`, /^[A-Za-z_][A-Za-z0-9_.-]{0,31}\$?$/);
}

/** A number of a user or group. */
export function accountNumber() {
  return pattern('must be a number', /^\d{1,10}$/);
}

/** A whole number that is at least this. */
export function count(least: number) {
  const rule = `must be a whole number${least > 0 ? `, at least ${least}` : ''}`;
  return v.pipe(
    pattern(rule, /^\d{1,9}$/),
    v.check((given) => Number(given) >= least, rule),
  );
}

/** The name of a secret of the layer. */
export function secretName() {
  return pattern('must be the name of a secret', /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/);
}
