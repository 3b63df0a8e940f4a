// Reads JSON objects from texts that may be damaged or hostile: each field is unknown until it was checked.

import { attempt } from './errors.ts';

/** The object in a text; undefined when it is not JSON, or JSON of something else. */
export function parseObject(text: string): Readonly<Record<string, unknown>> | undefined {
  const value: unknown = attempt(() => JSON.parse(text));
  return isObject(value) ? value : undefined;
}

/** Whether a JSON value is an object. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
