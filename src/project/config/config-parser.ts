// What vlb.yaml may say: parses it, checks every field, and gives the line with each complaint. Loaded only where there
// is such a file, since the YAML parser is the largest module there is.

import path from 'node:path';
import { isMap, isScalar, LineCounter, type ParsedNode, parseDocument } from 'yaml';
import { fail, ok, type Result } from '../../model/failure.ts';
import type { SharedCacheConfig } from '../../model/ports/shared-cache.ts';
import type { CacheLimits } from '../../model/ports/store-upkeep.ts';
import type { Base, NamedImage } from '../../model/project.ts';
import { readCache } from './config-cache.ts';
import { CONFIG_FILE, FieldReader, type Fields } from './field-reader.ts';

export interface Config {
  readonly base?: Base;
  readonly images?: readonly NamedImage[];
  readonly cache?: Partial<CacheLimits>;
  readonly shared?: SharedCacheConfig;
}

const SHA256 = /^[0-9a-f]{64}$/;

/**
 * The configuration in a text. Fails as `usage` with file, line and field.
 * @param file the path to name in complaints; relative paths in it count from its directory
 */
export function parseConfig(text: string, file: string): Result<Config> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const [error] = document.errors;
  if (error) {
    return fail('usage', `${CONFIG_FILE}: ${error.message}`, {
      where: { file, line: lines.linePos(error.pos[0]).line },
    });
  }
  const { contents } = document;
  if (contents === null || (isScalar(contents) && contents.value === null)) return ok({});
  if (!isMap(document.contents)) {
    return fail('usage', `${CONFIG_FILE} has to be a mapping, like "base: …"`, { where: { file, line: 1 } });
  }
  return readConfig(document.contents, new FieldReader(file, lines), path.dirname(file));
}

function readConfig(root: Fields, reader: FieldReader, directory: string): Result<Config> {
  const unknown = reader.unknownField(root, '', ['base', 'images', 'cache']);
  if (unknown) return unknown;
  const base = readBase(reader.field(root, 'base'), reader, directory);
  if (!base.ok) return base;
  const images = readImages(reader.field(root, 'images'), reader);
  if (!images.ok) return images;
  const cache = readCache(root, reader);
  if (!cache.ok) return cache;
  return ok({
    ...cache.value,
    ...(base.value ? { base: base.value } : {}),
    ...(images.value.length > 0 ? { images: images.value } : {}),
  });
}

/** `images:`, a layer by the name of each image. Which layers there are is not known here. */
function readImages(node: ParsedNode | undefined, reader: FieldReader): Result<readonly NamedImage[]> {
  if (!node) return ok([]);
  if (!isMap(node)) return reader.wrong(node, 'images', 'wants a mapping, like "web: 30_web"');
  const map = node as Fields; // a map in a parsed document has parsed nodes
  const images: NamedImage[] = [];
  for (const { key, value } of map.items) {
    const name = reader.text(key) ?? '';
    const layer = reader.text(value);
    const complaint = wrongImageName(name);
    if (complaint !== undefined) return reader.wrong(key, `images.${name}`, complaint);
    if (!layer) return reader.wrong(value ?? key, `images.${name}`, 'wants the name of a layer');
    images.push({ name, layer, where: reader.place(key) });
  }
  return ok(images);
}

/** Images share build/ with the links of the layers and of what those stand on. */
function wrongImageName(name: string): string | undefined {
  if (name === 'image') return 'is the name of the image that every project has: choose another';
  if (/^\d{2,}_/.test(name)) return 'could be a layer, each of which has a link in build/: choose another';
  if (/^(uncached-)?[0-9a-f]{64}$/.test(name)) return 'could be a digest: choose another';
  if (/\.qcow2$/.test(name)) return `gets its ending by itself: call it ${name.slice(0, -'.qcow2'.length)}`;
  if (/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/.test(name)) return undefined;
  return 'is no name for a file: use letters, digits, dots, dashes and underscores, up to 100';
}

function readBase(
  node: ParsedNode | undefined,
  reader: FieldReader,
  directory: string,
): Result<Base | undefined> {
  if (!node) return ok(undefined);
  if (!isMap(node)) {
    const text = reader.text(node);
    if (text === undefined) return reader.wrong(node, 'base', 'wants a path, or url and sha256');
    return baseOf({ path: text }, () => node, reader, directory);
  }
  const map = node as Fields; // a map in a parsed document has parsed nodes
  const unknownInBase = reader.unknownField(map, 'base.', ['path', 'url', 'sha256']);
  if (unknownInBase) return unknownInBase;
  const fields: Record<string, string> = {};
  for (const pair of map.items) {
    const value = reader.text(pair.value);
    const name = String(reader.text(pair.key));
    if (value === undefined) return reader.wrong(pair.value ?? pair.key, `base.${name}`, 'wants a text');
    fields[name] = value;
  }
  const nodeOf = (name: string) => map.items.find((pair) => reader.text(pair.key) === name)?.key ?? node;
  return baseOf(fields, nodeOf, reader, directory);
}

function baseOf(
  fields: { path?: string; url?: string; sha256?: string },
  nodeOf: (field: string) => ParsedNode,
  reader: FieldReader,
  directory: string,
): Result<Base> {
  const sha256 = fields.sha256?.toLowerCase();
  if (sha256 !== undefined && !SHA256.test(sha256)) {
    return reader.wrong(nodeOf('sha256'), 'base.sha256', 'wants 64 hexadecimal digits');
  }
  const url = fields.url ?? (/^https?:\/\//.test(fields.path ?? '') ? fields.path : undefined);
  if (url !== undefined && fields.url !== undefined && fields.path !== undefined) {
    return reader.wrong(nodeOf('path'), 'base', 'wants a path or a url, not both');
  }
  if (url !== undefined) {
    if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
      return reader.wrong(nodeOf('url'), 'base.url', 'wants an http or https address');
    }
    if (sha256 === undefined) {
      return reader.wrong(
        nodeOf('url'),
        'base.sha256',
        'is missing: what comes over a network needs its checksum',
      );
    }
    return ok({ type: 'url', url, sha256 });
  }
  if (!fields.path) return reader.wrong(nodeOf('path'), 'base', 'wants a path, or url and sha256');
  const file = path.resolve(directory, fields.path);
  return ok({ type: 'file', path: file, ...(sha256 === undefined ? {} : { sha256 }) });
}
