// Parses the limits of the store, from vlb.yaml and from the command line.

import { parseDuration, parseSize } from '../../util/units.ts';

export interface Limit {
  /** Undefined for no limit. */
  readonly value: number | undefined;
}

export const SIZE_RULE = 'must be a size like 20G, or none';
export const AGE_RULE = 'must be an age like 30d, or none';

/** Parses `20G` into bytes; `0` keeps only what is in use, `none` means no limit. Undefined when the text is not a size. */
export function parseMaxSize(text: string): Limit | undefined {
  return parseLimit(text, parseSize);
}

/** Parses `30d` into seconds; `0` and `none` as for sizes. Undefined when the text is not an age. */
export function parseMaxAge(text: string): Limit | undefined {
  return parseLimit(text, parseDuration);
}

function parseLimit(text: string, parse: (text: string) => number | undefined): Limit | undefined {
  if (text === 'none') return { value: undefined };
  if (text === '0') return { value: 0 };
  // A bare number would mean bytes or seconds, and empty the store of a user who meant gigabytes or days.
  const value = /[a-z]$/i.test(text) ? parse(text) : undefined;
  return value === undefined ? undefined : { value };
}
