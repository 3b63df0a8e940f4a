// Records as text: written by JSON.stringify, read with every field checked, since a file may be damaged or hostile.

import type { BuildRecord } from './artifact.ts';

const HASH = /^[0-9a-f]{64}$/;

/** The name of a layer or of the base: a foreign record must neither name a file elsewhere nor control a terminal. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$/;

/** The record in a text; undefined when it is incomplete or malformed. */
export function parseRecord(text: string): BuildRecord | undefined {
  let value: Partial<BuildRecord> | null;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { schema, key, layer, artifact, parent, noshare, seconds, created, recipe } = value;
  const right =
    schema === 1 &&
    isHash(key) &&
    typeof layer === 'string' &&
    NAME.test(layer) &&
    isReference(artifact) &&
    Number.isSafeInteger(artifact.bytes) &&
    artifact.bytes >= 0 &&
    (parent === null || isReference(parent)) &&
    (noshare === undefined || noshare === true) &&
    typeof seconds === 'number' &&
    seconds >= 0 &&
    seconds < Infinity &&
    typeof created === 'string' &&
    typeof recipe === 'string';
  return right ? (value as BuildRecord) : undefined; // every field was checked above
}

function isHash(value: unknown): boolean {
  return typeof value === 'string' && HASH.test(value);
}

function isReference<T extends { digest: unknown; keeping: unknown }>(value: T | undefined): value is T {
  return isHash(value?.digest) && (value?.keeping === 'cached' || value?.keeping === 'uncached');
}
