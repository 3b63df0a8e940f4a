// The values of a form: what each may be. They become text of YAML, and names of packages, users and files in an image.

import { fail, ok, type Result } from '../model/failure.ts';
import { isFormat } from '../model/machine/format.ts';
import { parseSize } from '../util/units.ts';
import type { Field, Profile } from './profile.ts';

/** What a field can hold; undefined where it is empty. */
export type Value = string | number | boolean | readonly string[] | undefined;

/** By name, as a form or a command line has them: texts, and lists of texts. */
export type Given = Readonly<Record<string, unknown>>;

/** The value of each field, with defaults where nothing was given. Fails as `usage` with the first that is not valid. */
export function readValues({ fields }: Profile, given: Given): Result<ReadonlyMap<string, Value>> {
  const unknown = Object.keys(given).find((name) => !Object.hasOwn(fields, name));
  if (unknown !== undefined) {
    return fail('usage', `unknown field "${unknown}"`, {
      hint: `valid fields: ${Object.keys(fields).join(', ')}`,
    });
  }
  const values = new Map<string, Value>();
  for (const [name, field] of Object.entries(fields)) {
    const value = Object.hasOwn(given, name) ? given[name] : field.default;
    if (isEmpty(value)) {
      if (!field.optional && field.type !== 'flag') return wrong(name, 'a value is required');
      values.set(name, undefined);
      continue;
    }
    const read = readValue(field, value);
    if (typeof read === 'object' && 'rule' in read) return wrong(name, read.rule);
    values.set(name, read);
  }
  return ok(values);
}

function wrong(name: string, rule: string): Result<never> {
  return fail('usage', `${name}: ${rule}`);
}

function isEmpty(value: unknown): boolean {
  return (
    value === undefined || value === '' || value === false || (Array.isArray(value) && value.length === 0)
  );
}

interface Broken {
  readonly rule: string;
}

function readValue(field: Field, value: unknown): Exclude<Value, undefined> | Broken {
  switch (field.type) {
    case 'flag':
      return value === true || value === 'true' ? true : { rule: 'valid values: true, false' };
    case 'words':
      return readWords(value, WORD, 'names of packages, separated by spaces');
    case 'formats':
      return readWords(value, { test: isFormat }, 'formats, see vlb help formats');
    case 'number': {
      const number = Number(value);
      const { min, max } = field;
      const isInside = Number.isInteger(number) && number >= min && number <= max;
      return isInside ? number : { rule: `must be a number from ${min} to ${max}` };
    }
    case 'size': {
      const [size, min = 0, max = Number.POSITIVE_INFINITY] = [String(value), field.min, field.max].map(
        parseSize,
      );
      const isInside = size !== undefined && size >= min && size <= max;
      return isInside
        ? String(value)
        : { rule: `must be a size from ${field.min} to ${field.max}, such as 10G` };
    }
    case 'choice':
      return field.choices.includes(String(value))
        ? String(value)
        : { rule: `valid values: ${field.choices.join(', ')}` };
    case 'name':
      return matching(value, NAME, 'letters, digits, dots and dashes');
    case 'ssh-key':
      return matching(value, SSH_KEY, 'a line of a file such as ~/.ssh/id_ed25519.pub');
    case 'text':
      return matching(value, TEXT, 'one line, without {{');
  }
}

function readWords(
  value: unknown,
  word: { test(text: string): boolean },
  rule: string,
): readonly string[] | Broken {
  const words: readonly unknown[] = Array.isArray(value) ? value : String(value).split(/[\s,]+/);
  const texts = words.filter((one) => typeof one === 'string' && one !== '').map(String);
  const isValid = words.every((one) => one === '' || (typeof one === 'string' && word.test(one)));
  return isValid && texts.length > 0 && texts.length <= MOST_WORDS ? texts : { rule };
}

function matching(value: unknown, pattern: RegExp, rule: string): string | Broken {
  const text = typeof value === 'string' ? value.trim() : '';
  return text.length <= LONGEST && pattern.test(text) ? text : { rule };
}

const LONGEST = 4096;
const MOST_WORDS = 500;
/** The name of a package, possibly with a version: it begins with no dash, and with no dot, as a file of the layer would. */
const WORD = /^[A-Za-z0-9][A-Za-z0-9+._:~=-]{0,127}$/;
const NAME = /^[A-Za-z0-9]([A-Za-z0-9.-]{0,61}[A-Za-z0-9])?$/;
/** authorized_keys of sshd(8), without options. */
const SSH_KEY =
  /^(ssh-(ed25519|rsa)|ecdsa-sha2-nistp\d+|sk-[a-z0-9-]+@openssh\.com) [A-Za-z0-9+/]+=* ?[\x20-\x7e]*$/;
/** Layers take {{ as the beginning of a parameter. */
const TEXT = /^(?!.*\{\{)[^\p{Cc}]*$/u;
