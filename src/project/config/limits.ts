// The limits of the store as people write them, in vlb.yaml and on the command line.

import { parseDuration, parseSize } from '../../util/units.ts';

/** A limit, or none at all. */
export interface Limit {
  readonly value: number | undefined;
}

export const WANTS_SIZE = 'wants a size like 20G, or none';
export const WANTS_AGE = 'wants an age like 30d, or none';

/** Bytes of `20G`; `0` is for nothing but what is in use, `none` for no limit. Undefined when it is no such thing. */
export function parseMaxSize(text: string): Limit | undefined {
  return parseLimit(text, parseSize);
}

/** Seconds of `30d`; `0` and `none` as for sizes. Undefined when it is no such thing. */
export function parseMaxAge(text: string): Limit | undefined {
  return parseLimit(text, parseDuration);
}

function parseLimit(text: string, parse: (text: string) => number | undefined): Limit | undefined {
  if (text === 'none') return { value: undefined };
  if (text === '0') return { value: 0 };
  // A number alone would be bytes or seconds, and empty the store of who meant gigabytes or days.
  const value = /[a-z]$/i.test(text) ? parse(text) : undefined;
  return value === undefined ? undefined : { value };
}
