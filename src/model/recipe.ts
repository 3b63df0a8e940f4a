// A recipe: everything that a build depends on, as a value, and as the text that keys hash and records store.
//
//     schema 1
//     kind build-layer
//     architecture x64
//     parent <digest> or scratch
//     mount <digest> "/at"
//     parent-disk <digest> "data"
//     disk-size -
//     root-partition -
//     param "NAME=value"
//     chroot-mount p2 "/boot"
//     file x <hash> "./build-layer"
//
// Each text is the name of something in a store, so what is written here may be extended, but never changed.

import { createHash } from 'node:crypto';
import type { Digest, Key } from './artifact.ts';
import { isManifestLine } from './manifest.ts';
import type { Platform } from './platform.ts';

/** Increased when vlb itself would build something else from the same inputs. */
export const SCHEMA = '1';

/** The name of a setting with the digest of a further disk of the parent. */
export const PARENT_DISK = 'parent-disk';

/** A field is absent when the text has no such line: a base has neither platform nor parent. */
export interface Recipe {
  readonly schema?: string;
  readonly kind?: string;
  readonly platform?: Platform;
  /** The digest of the parent's bytes; `scratch` without a parent. */
  readonly parent?: string;
  readonly mounts: readonly { readonly digest: string; readonly target: string }[];
  /** In the order of their lines. */
  readonly settings: readonly Setting[];
  /** Its text, see src/model/manifest.ts. */
  readonly manifest: string;
}

export interface Setting {
  readonly name: string;
  /** What the setting is for, when there may be several of the name: a parameter's name, a mount point. */
  readonly of?: string;
  readonly value: string;
}

/** The canonical text of a recipe. What could contain a newline is a JSON string, so that it cannot forge a line. */
export function recipeText({ platform, mounts, settings, manifest, ...recipe }: Recipe): string {
  const lines = [
    { name: 'schema', value: recipe.schema },
    { name: 'kind', value: recipe.kind },
    { name: 'architecture', value: platform?.architecture },
    { name: 'parent', value: recipe.parent },
    ...mounts.map(({ digest, target }) => ({ name: 'mount', of: target, value: digest })),
    ...settings,
  ].flatMap(({ value, ...line }) => (value === undefined ? [] : [lineOf({ ...line, value })]));
  return [...lines, manifest].join('\n');
}

/**
 * The recipe of a text. Any text has one: another version of vlb may have written it. Lines of unknown names are settings,
 * those without a value are ignored.
 */
export function parseRecipe(text: string): Recipe {
  const fields: { schema?: string; kind?: string; platform?: Platform; parent?: string } = {};
  const mounts: { digest: string; target: string }[] = [];
  const settings: Setting[] = [];
  let at = 0;
  while (at < text.length) {
    const newline = text.indexOf('\n', at);
    const line = text.slice(at, newline < 0 ? text.length : newline);
    if (isManifestLine(line)) break;
    at += line.length + 1;
    const setting = parseLine(line);
    if (setting === undefined) continue;
    const { name, of, value } = setting;
    if (name === 'architecture') fields.platform ??= { architecture: value, os: 'linux' };
    else if (name === 'schema' || name === 'kind' || name === 'parent') fields[name] ??= value;
    else if (name === 'mount' && of !== undefined) mounts.push({ digest: value, target: of });
    else settings.push(setting);
  }
  return { ...fields, mounts, settings, manifest: text.slice(at) };
}

/** SHA-256 of a recipe's text. */
export function keyOf(text: string): Key {
  return createHash('sha256').update(text).digest('hex') as Key; // the one place that makes keys
}

/** The digest of the parent that a recipe's text names; undefined when it names none. */
export function parentIn(text: string): Digest | undefined {
  const { parent } = parseRecipe(text);
  return parent !== undefined && isDigest(parent) ? parent : undefined;
}

/** The digests of the further disks of the parent that a recipe's text names, by the names of the disks. */
export function furtherParentsIn(text: string): ReadonlyMap<string, string> {
  const { settings } = parseRecipe(text);
  return new Map(
    settings.flatMap(({ name, of, value }) =>
      name === PARENT_DISK && of !== undefined ? [[of, value]] : [],
    ),
  );
}

/** The digests of the layers that a recipe's text mounts. */
export function mountedIn(text: string): readonly Digest[] {
  return parseRecipe(text)
    .mounts.map(({ digest }) => digest)
    .filter(isDigest);
}

function isDigest(text: string): text is Digest {
  return /^[0-9a-f]{64}$/.test(text);
}

function lineOf({ name, of, value }: Setting): string {
  if (name === 'param') return `param ${JSON.stringify(`${of}=${value}`)}`;
  return of === undefined ? `${name} ${value}` : `${name} ${value} ${JSON.stringify(of)}`;
}

function parseLine(line: string): Setting | undefined {
  const [, name, value, quoted] = /^(\S+) (?:(\S+) )?(".*")$/s.exec(line) ?? [];
  const text = quoted === undefined ? undefined : parseQuoted(quoted);
  if (name !== undefined && text !== undefined) {
    if (value !== undefined) return { name, of: text, value };
    const equals = text.indexOf('=');
    if (name === 'param' && equals >= 0) {
      return { name, of: text.slice(0, equals), value: text.slice(equals + 1) };
    }
  }
  const space = line.indexOf(' ');
  return space < 0 ? undefined : { name: line.slice(0, space), value: line.slice(space + 1) };
}

function parseQuoted(quoted: string): string | undefined {
  try {
    return String(JSON.parse(quoted));
  } catch {
    return undefined;
  }
}
