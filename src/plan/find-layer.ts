// Layers by the names that people type: in full, without the number, or the number alone.

import { fail, ok, type Result } from '../model/failure.ts';
import { bareName } from '../project/layers/discover.ts';
import { nearest } from '../util/nearest.ts';

/**
 * The one layer that is meant. Fails as `usage` when there is none, with the nearest name, or when there are several.
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
    return fail('usage', `"${wanted}" could be ${matches.join(' or ')}`, { hint: 'give the whole name' });
  }
  const bare = nearest(name, names.map(bareName));
  const guess = nearest(name, names) ?? names.find((candidate) => bareName(candidate) === bare);
  return fail('usage', `no layer is called "${wanted}"`, {
    hint: guess === undefined ? `the layers are ${names.join(', ')}` : `did you mean ${guess}?`,
  });
}
