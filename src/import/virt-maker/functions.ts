// The functions that virt-maker has in its templates, evaluated once, when a template is imported.

import { parse } from 'yaml';
import type { Source } from '../imported.ts';

const MIB = 1024 ** 2;
const CONSONANTS = 'bdfgklmnprstvz';
const VOWELS = 'aeiou';

/**
 * The functions by their names.
 * @param locate the absolute path of a file that a template names; undefined when there is none
 */
export function functionsOf(
  source: Source,
  locate: (file: string) => string | undefined,
): Readonly<Record<string, (...args: readonly unknown[]) => unknown>> {
  const now = source.now();
  const two = (number: number) => String(number).padStart(2, '0');
  const date = `${now.getFullYear()}-${two(now.getMonth() + 1)}-${two(now.getDate())}`;
  const [hour, minute, second] = [now.getHours(), now.getMinutes(), now.getSeconds()].map(two);
  const word = (most: number, least: number) => {
    const length = Math.min(most, least + Math.floor(source.random() * (Math.min(most, 10) - least + 1)));
    return Array.from({ length }, (_, at) => pick(at % 2 === 0 ? CONSONANTS : VOWELS)).join('');
  };
  const pick = (letters: string) => letters.charAt(Math.floor(source.random() * letters.length));
  return {
    year: () => date.slice(0, 4),
    month: () => date.slice(5, 7),
    day: () => date.slice(8),
    hour: () => hour,
    minute: () => minute,
    second: () => second,
    now: () => `${date}_${hour}-${minute}-${second}`,
    enumerate: (list) => (Array.isArray(list) ? list.map((item, index) => [index, item]) : []),
    free_memory: () => Math.floor(source.memory().free / MIB),
    total_memory: () => Math.floor(source.memory().total / MIB),
    at_least: (least, value) => (Number(value) > Number(least) ? value : least),
    nproc: () => source.processors(),
    int: (value) => Math.trunc(Number(value)),
    random_word: (...args) => word(named(args, 'max_length', 0, 16), named(args, 'min_length', 1, 4)),
    random_hostname: () => `${word(7, 4)}-${word(7, 4)}`,
    file_contents: (file) => source.text(locate(String(file)) ?? '') ?? '',
    from_yaml: (text) => parse(String(text)) as unknown, // any YAML
  };
}

/** An argument by its name, which nunjucks passes in a last argument of its own, or by its place. */
function named(args: readonly unknown[], name: string, place: number, otherwise: number): number {
  const byName = args.at(-1);
  const found =
    typeof byName === 'object' && byName !== null && Object.hasOwn(byName, name)
      ? (byName as Readonly<Record<string, unknown>>)[name] // has it
      : args[place];
  return typeof found === 'number' ? found : otherwise;
}
