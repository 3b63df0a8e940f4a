// `cache:` of vlb.yaml: the limits of the store, and the shared cache behind it.

import { isScalar, isSeq, type ParsedNode } from 'yaml';
import { ok, type Result } from '../../model/failure.ts';
import type { BucketConfig, SharedCacheConfig } from '../../model/ports/shared-cache.ts';
import type { CacheLimits } from '../../model/ports/store-upkeep.ts';
import type { FieldReader, Fields } from './field-reader.ts';
import { parseMaxAge, parseMaxSize, WANTS_AGE, WANTS_SIZE } from './limits.ts';

export interface CacheConfig {
  readonly cache?: Partial<CacheLimits>;
  readonly shared?: SharedCacheConfig;
}

const FIELDS = ['max-size', 'max-age', 's3', 'trusted-keys'];

export function readCache(root: Fields, reader: FieldReader): Result<CacheConfig> {
  const pair = root.items.find(({ key }) => reader.text(key) === 'cache');
  if (!pair) return ok({});
  const map = reader.fields(pair.value);
  if (!map) return reader.wrong(pair.value ?? pair.key, 'cache', 'wants max-size, max-age or s3');
  const unknown = reader.unknownField(map, 'cache.', FIELDS);
  if (unknown) return unknown;
  const limits = readLimits(map, reader);
  if (!limits.ok) return limits;
  const bucket = readBucket(map, reader);
  if (!bucket.ok) return bucket;
  const keys = readKeys(map, reader);
  if (!keys.ok) return keys;
  if (keys.value && !bucket.value) {
    const place = map.items.find(({ key }) => reader.text(key) === 'trusted-keys')?.key ?? pair.key;
    return reader.wrong(place, 'cache.trusted-keys', 'is of no use without cache.s3');
  }
  const shared = bucket.value && { bucket: bucket.value, trustedKeys: keys.value ?? [] };
  return ok({ cache: limits.value, ...(shared ? { shared } : {}) });
}

function readLimits(map: Fields, reader: FieldReader): Result<Partial<CacheLimits>> {
  const limits: { maxBytes?: number | undefined; maxAge?: number | undefined } = {};
  for (const { key, value } of map.items) {
    const name = reader.text(key) ?? '';
    if (name !== 'max-size' && name !== 'max-age') continue;
    const text = reader.text(value) ?? '';
    const isSize = name === 'max-size';
    const limit = isSize ? parseMaxSize(text) : parseMaxAge(text);
    if (limit === undefined)
      return reader.wrong(value ?? key, `cache.${name}`, isSize ? WANTS_SIZE : WANTS_AGE);
    if (isSize) limits.maxBytes = limit.value;
    else limits.maxAge = limit.value;
  }
  return ok(limits);
}

/** What a field of `cache.s3` may be, and how a complaint says so. */
const BUCKET_FIELDS: Readonly<Record<string, readonly [(text: string) => boolean, string]>> = {
  // Amazon's rules, and the underscores and capitals that older servers allow.
  bucket: [(text) => /^[A-Za-z0-9][A-Za-z0-9._-]{1,254}$/.test(text), 'wants the name of a bucket'],
  prefix: [isPrefix, 'wants names with slashes between them, like team/images, of letters, digits and ._-'],
  endpoint: [isEndpoint, 'wants the address of a server, like https://s3.example.org'],
  region: [(text) => /^[A-Za-z0-9-]+$/.test(text), 'wants the name of a region, like eu-central-1'],
  'path-style': [(text) => text === 'true' || text === 'false', 'wants true or false'],
};

/** `cache.s3`; a server of one's own is spoken to in path style unless it says otherwise. */
function readBucket(cache: Fields, reader: FieldReader): Result<BucketConfig | undefined> {
  const pair = cache.items.find(({ key }) => reader.text(key) === 's3');
  if (!pair) return ok(undefined);
  const map = reader.fields(pair.value);
  if (!map) return reader.wrong(pair.value ?? pair.key, 'cache.s3', 'wants a mapping with a bucket');
  const unknown = reader.unknownField(map, 'cache.s3.', Object.keys(BUCKET_FIELDS));
  if (unknown) return unknown;
  const given = new Map<string, string>();
  for (const { key, value } of map.items) {
    const name = reader.text(key) ?? '';
    const text = textOf(value, reader);
    const [isRight, wants] = BUCKET_FIELDS[name] ?? [() => false, ''];
    if (text === undefined || !isRight(text)) return reader.wrong(value ?? key, `cache.s3.${name}`, wants);
    given.set(name, text);
  }
  const bucket = given.get('bucket');
  if (bucket === undefined) return reader.wrong(pair.key, 'cache.s3.bucket', 'is missing');
  const endpoint = given.get('endpoint');
  const pathStyle = given.get('path-style') ?? String(endpoint !== undefined);
  return ok({
    bucket,
    prefix: given.get('prefix') ?? '',
    endpoint,
    region: given.get('region'),
    pathStyle: pathStyle === 'true',
  });
}

function readKeys(cache: Fields, reader: FieldReader): Result<readonly string[] | undefined> {
  const pair = cache.items.find(({ key }) => reader.text(key) === 'trusted-keys');
  if (!pair) return ok(undefined);
  const field = 'cache.trusted-keys';
  const wants = 'wants a list of public keys, as vlb cache keygen prints them';
  if (!isSeq(pair.value)) return reader.wrong(pair.value ?? pair.key, field, wants);
  const keys: string[] = [];
  for (const item of pair.value.items as readonly (ParsedNode | null)[]) {
    // The items of a parsed list are parsed nodes.
    const text = reader.text(item) ?? '';
    if (!isKey(text)) return reader.wrong(item ?? pair.key, field, wants);
    keys.push(text);
  }
  // None at all would mean that every record counts, which is not what such a list is for.
  if (keys.length === 0) return reader.wrong(pair.value, field, 'is empty: name a key, or leave it out');
  return ok(keys);
}

function textOf(node: ParsedNode | null, reader: FieldReader): string | undefined {
  return isScalar(node) && typeof node.value === 'boolean' ? String(node.value) : reader.text(node);
}

function isPrefix(text: string): boolean {
  return text.split('/').every((part) => /^[A-Za-z0-9._-]{1,100}$/.test(part) && !/^\.+$/.test(part));
}

function isEndpoint(text: string): boolean {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) return false;
  const { username, password, search, hash } = new URL(text);
  return [username, password, search, hash].every((part) => part === '');
}

/** 32 bytes in base64. */
function isKey(text: string): boolean {
  return /^[A-Za-z0-9+/]{43}=$/.test(text);
}
