// Finding a layer by what the user types: its full name, the name without its number, or the number alone.

import { fail, ok, type Result } from '../model/failure.ts';
import { bareName } from '../project/layers/discover.ts';
import { nearest } from '../util/nearest.ts';

/**
 * The full name of the layer. Fails as `usage` when there is none, with the nearest name, or when there are several.
 * @param names the names of all layers
 */
export function findLayer(wanted: string, names: readonly string[]): Result<string> {
  return layerFinder(names)(wanted);
}

/** `findLayer` for many searches among the same names. */
export function layerFinder(names: readonly string[]): (wanted: string) => Result<string> {
  const known = new Set(names);
  let byWord: ReadonlyMap<string, ReadonlySet<string>> | undefined;
  return (wanted) => {
    const name = wanted.replace(/\/+$/, '').replace(/^layers\//, '');
    if (known.has(name)) return ok(name);
    byWord ??= namesByWord(names);
    const matches = [...(byWord.get(name) ?? [])];
    const [only] = matches;
    if (only !== undefined && matches.length === 1) return ok(only);
    if (matches.length > 1) {
      return fail('usage', `"${wanted}" is ambiguous: ${matches.join(' or ')}`, {
        hint: 'use the full name',
      });
    }
    return notFound(wanted, name, names);
  };
}

/** The layers that each name without a number, and each number, can mean. */
function namesByWord(names: readonly string[]): ReadonlyMap<string, ReadonlySet<string>> {
  const byWord = new Map<string, Set<string>>();
  for (const name of names) {
    for (const word of [bareName(name), name.split('_', 1)[0] ?? name]) {
      const meant = byWord.get(word);
      if (meant) meant.add(name);
      else byWord.set(word, new Set([name]));
    }
  }
  return byWord;
}

function notFound(wanted: string, name: string, names: readonly string[]): Result<never> {
  const last = name.replace(/^.*\//s, ''); // of a path
  const bare = nearest(last, names.map(bareName));
  const guess = nearest(last, names) ?? names.find((candidate) => bareName(candidate) === bare);
  return fail('usage', `no layer named "${wanted}"`, {
    hint: guess === undefined ? validNames(names) : `did you mean ${guess}?`,
  });
}

/** How many layers a message names. */
const NAMED = 20;

function validNames(names: readonly string[]): string {
  const more = names.length > NAMED ? ` and ${names.length - NAMED} more: see vlb ls` : '';
  return `valid layers: ${names.slice(0, NAMED).join(', ')}${more}`;
}
