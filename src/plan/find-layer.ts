// Finding a layer by what the user types: its full name, the name without its number, or the number alone.

import { fail, ok, type Result } from '../model/failure.ts';
import { bareName } from '../project/layers/discover.ts';
import { nearest } from '../util/nearest.ts';

/**
 * The full name of the layer. Fails as `usage` when there is none, with the nearest name, or when there are several.
 * @param names the names of all layers
 */
export function findLayer(wanted: string, names: readonly string[]): Result<string> {
  const name = wanted.replace(/\/+$/, '').replace(/^layers\//, '');
  if (names.includes(name)) return ok(name);
  const matches = names.filter(
    (candidate) => bareName(candidate) === name || candidate.split('_', 1)[0] === name,
  );
  const [only] = matches;
  if (only !== undefined && matches.length === 1) return ok(only);
  if (matches.length > 1) {
    return fail('usage', `"${wanted}" is ambiguous: ${matches.join(' or ')}`, { hint: 'use the full name' });
  }
  const last = name.replace(/^.*\//s, ''); // of a path
  const bare = nearest(last, names.map(bareName));
  const guess = nearest(last, names) ?? names.find((candidate) => bareName(candidate) === bare);
  return fail('usage', `no layer named "${wanted}"`, {
    hint: guess === undefined ? `valid layers: ${names.join(', ')}` : `did you mean ${guess}?`,
  });
}
