// Records as text, read with every field checked, since a file may be damaged or hostile. Schema 1 has one disk of an artifact
// and of its parent; schema 2 lists several, and is written only where there are.

import { isObject, parseObject } from '../util/json.ts';
import {
  type ArtifactDisk,
  type BuildRecord,
  DISK_NAME,
  type Digest,
  type DiskReference,
  type Disks,
  MAIN_DISK,
  type Retention,
} from './artifact.ts';

const NEWEST_SCHEMA = 2;

const HASH = /^[0-9a-f]{64}$/;

/** The name of a layer or of a base: a foreign record must neither name a file elsewhere nor control a terminal. */
const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,254}$/;

/**
 * The text of a record. A record that was read is written as it was.
 * @param space as JSON.stringify takes it
 */
export function recordText(record: BuildRecord, space?: number): string {
  const schema = schemaOf(record);
  const artifact = formOf(record.artifact, schema, ({ name, digest, bytes }) => ({ name, digest, bytes }));
  const parent = record.parent && formOf(record.parent, schema, ({ name, digest }) => ({ name, digest }));
  return JSON.stringify({ schema, ...record, artifact, parent }, undefined, space);
}

/** The record in a text; undefined when it is incomplete or malformed, or of a newer schema. */
export function parseRecord(text: string): BuildRecord | undefined {
  const value = parseObject(text);
  if (!value) return undefined;
  const { schema, ...fields } = value;
  const { key, layer, backing, noshare, seconds, created, recipe } = fields;
  const artifact = parseForm(fields['artifact'], schema, parseDisk);
  const parent = fields['parent'] === null ? null : parseForm(fields['parent'], schema, parseReference);
  const right =
    artifact !== undefined &&
    parent !== undefined &&
    schema === schemaOf({ artifact, parent }) &&
    isHash(key) &&
    typeof layer === 'string' &&
    NAME.test(layer) &&
    (backing === undefined || (parent !== null && isName(backing))) &&
    (noshare === undefined || noshare === true) &&
    typeof seconds === 'number' &&
    seconds >= 0 &&
    seconds < Infinity &&
    typeof created === 'string' &&
    typeof recipe === 'string';
  return right ? ({ ...fields, artifact, parent } as unknown as BuildRecord) : undefined; // every field was checked above
}

/** Whether a text is a record that only a newer vlb can read. */
export function isNewerRecord(text: string): boolean {
  const schema = parseObject(text)?.['schema'];
  return typeof schema === 'number' && schema > NEWEST_SCHEMA;
}

/** The oldest schema that can say it all. */
function schemaOf({ artifact, parent }: Pick<BuildRecord, 'artifact' | 'parent'>): number {
  return artifact.disks.length === 1 && (parent === null || parent.disks.length === 1) ? 1 : 2;
}

/** The JSON value of an artifact or a reference to one. */
function formOf<T extends DiskReference>(
  { keeping, disks }: Disks<T>,
  schema: number,
  fieldsOf: (disk: T) => DiskReference,
): object {
  if (schema > 1) return { keeping, disks: disks.map(fieldsOf) };
  const { name: _, digest, ...others } = fieldsOf(disks[0]);
  return { digest, keeping, ...others };
}

function parseForm<T extends DiskReference>(
  value: unknown,
  schema: unknown,
  parse: (disk: unknown) => T | undefined,
): Disks<T> | undefined {
  if (!isObject(value) || !isRetention(value['keeping'])) return undefined;
  const listed: unknown = schema === 1 ? [{ ...value, name: MAIN_DISK }] : value['disks'];
  if (!Array.isArray(listed)) return undefined;
  const [main, ...others] = listed.flatMap((disk) => parse(disk) ?? []);
  const names = new Set([main, ...others].map((disk) => disk?.name));
  if (main?.name !== MAIN_DISK || names.size < listed.length) return undefined;
  return { keeping: value['keeping'], disks: [main, ...others] };
}

function isName(value: unknown): boolean {
  return isObject(value) && isHash(value['digest']) && isRetention(value['keeping']);
}

function parseReference(disk: unknown): DiskReference | undefined {
  if (!isObject(disk)) return undefined;
  const { name, digest } = disk;
  return typeof name === 'string' && DISK_NAME.test(name) && isHash(digest) ? { name, digest } : undefined;
}

function parseDisk(disk: unknown): ArtifactDisk | undefined {
  const reference = parseReference(disk);
  const bytes = isObject(disk) ? disk['bytes'] : undefined;
  if (!reference || typeof bytes !== 'number' || !Number.isSafeInteger(bytes) || bytes < 0) return undefined;
  return { ...reference, bytes };
}

function isHash(value: unknown): value is Digest {
  return typeof value === 'string' && HASH.test(value);
}

function isRetention(value: unknown): value is Retention {
  return value === 'cached' || value === 'uncached';
}
