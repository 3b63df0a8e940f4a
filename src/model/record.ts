// Records as text: written by JSON.stringify, read with every field checked, since a file may be damaged or hostile.

import { isObject, parseObject } from '../util/json.ts';
import type { BuildRecord } from './artifact.ts';

const HASH = /^[0-9a-f]{64}$/;

/** The name of a layer or of the base: a foreign record must neither name a file elsewhere nor control a terminal. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$/;

/** The record in a text; undefined when it is incomplete or malformed. */
export function parseRecord(text: string): BuildRecord | undefined {
  const value = parseObject(text);
  if (!value) return undefined;
  const { schema, key, layer, artifact, parent, backing, noshare, seconds, created, recipe } = value;
  const right =
    schema === 1 &&
    isHash(key) &&
    typeof layer === 'string' &&
    NAME.test(layer) &&
    isReference(artifact) &&
    Number.isSafeInteger(artifact['bytes']) &&
    Number(artifact['bytes']) >= 0 &&
    (parent === null || isReference(parent)) &&
    (backing === undefined || (parent !== null && isReference(backing))) &&
    (noshare === undefined || noshare === true) &&
    typeof seconds === 'number' &&
    seconds >= 0 &&
    seconds < Infinity &&
    typeof created === 'string' &&
    typeof recipe === 'string';
  return right ? (value as unknown as BuildRecord) : undefined; // every field was checked above
}

function isHash(value: unknown): boolean {
  return typeof value === 'string' && HASH.test(value);
}

function isReference(value: unknown): value is Readonly<Record<string, unknown>> {
  return (
    isObject(value) &&
    isHash(value['digest']) &&
    (value['keeping'] === 'cached' || value['keeping'] === 'uncached')
  );
}
