// `include:` of vlb.yaml: reads the files that a configuration consists of, and merges what they say.

import path from 'node:path';
import { LineCounter, parseDocument } from 'yaml';
import { fail, ok, type Result, type Where } from '../../model/failure.ts';
import { realPathOrSame } from '../../util/fs.ts';
import { isObject } from '../../util/json.ts';
import { checkEncoding } from '../inputs/encoding.ts';
import { LARGEST_TEXT, readFile } from '../inputs/read-file.ts';
import { lineOf, plainValue } from './positions.ts';

export type FieldPath = readonly (string | number)[];

/** One file of a configuration. */
export interface ConfigPart {
  /** Absolute path. */
  readonly file: string;
  /** Relative to the project, for messages. */
  readonly name: string;
  /** Its value, and null for an empty file. */
  readonly value: unknown;
  /** The place of a field, or of the nearest one above it that exists. */
  whereOf(path: FieldPath): Required<Pick<Where, 'file' | 'line'>>;
}

/** What several files say together. */
export interface MergedConfig {
  readonly value: unknown;
  /** The file that says something. */
  partOf(path: FieldPath): ConfigPart;
}

/** Everything that is wrong with `include:` itself. */
export const INCLUDE_RULE = 'must be a list of files, like [machines.yaml]';

/**
 * Reads a file and those that it includes, each once, in their order. Fails as `usage`, with file and line, for one that cannot be read
 * or leaves the project, and for a cycle.
 * @param file vlb.yaml, whose directory is the project
 * @param seen gets the absolute path of each file, whether it can be read or not
 */
export function readParts(file: string, seen: Set<string>): Result<readonly ConfigPart[]> {
  const project = path.dirname(file);
  const parts: ConfigPart[] = [];
  const done = new Set<string>();
  const read = (at: string, includedBy: readonly ConfigPart[], include: Where | undefined): Result<void> => {
    seen.add(at);
    const part = readPart(at, project, include);
    if (!part.ok) return part;
    const { value, name, whereOf } = part.value;
    parts.push(part.value);
    done.add(realPathOrSame(at));
    const included = isObject(value) ? (value['include'] ?? []) : [];
    const chain = [...includedBy, part.value];
    if (!isList(included))
      return fail('usage', `${name}: include ${INCLUDE_RULE}`, { where: whereOf(['include']) });
    for (const [index, wanted] of included.entries()) {
      const where = whereOf(['include', index]);
      const target = path.resolve(path.dirname(at), wanted);
      const wrong = wrongWith(wanted, target, project, chain);
      if (wrong !== undefined) return fail('usage', `${name}: include: ${wrong}`, { where });
      if (done.has(realPathOrSame(target))) continue;
      const below = read(target, chain, where);
      if (!below.ok) return below;
    }
    return ok();
  };
  const all = read(file, [], undefined);
  return all.ok ? ok(parts) : all;
}

/** Why a file cannot be included. */
function wrongWith(
  wanted: string,
  target: string,
  project: string,
  includedBy: readonly ConfigPart[],
): string | undefined {
  if (wanted === '' || path.isAbsolute(wanted) || !target.startsWith(`${project}/`)) {
    return `"${wanted}" is not a path of a file in the project, relative to this one`;
  }
  const real = realPathOrSame(target);
  const start = includedBy.findIndex(({ file }) => realPathOrSame(file) === real);
  if (start === -1) return undefined;
  const names = includedBy.slice(start).map(({ name }) => name);
  return `files include each other in a cycle: ${[...names, names[0]].join(' → ')}`;
}

/** @param include the place that names the file; undefined for vlb.yaml */
function readPart(file: string, project: string, include: Where | undefined): Result<ConfigPart> {
  const name = path.relative(project, file);
  const read = readFile(file, { what: name, atMost: LARGEST_TEXT });
  if (!read.ok) return include ? { ok: false, failure: { ...read.failure, where: include } } : read;
  const encoded = checkEncoding(read.value, file, name);
  if (!encoded.ok) return encoded;
  const lines = new LineCounter();
  const { contents, errors } = parseDocument(read.value.toString(), {
    lineCounter: lines,
    prettyErrors: false,
  });
  const [error] = errors;
  if (error) {
    const { line } = lines.linePos(error.pos[0]);
    return fail('usage', `${name}: ${error.message}`, { where: { file, line } });
  }
  const value = plainValue(contents);
  const whereOf = (path: FieldPath) => ({
    file,
    line: contents === null ? 1 : lineOf(contents, path, lines),
  });
  if (include && value !== null && !isObject(value)) {
    return fail('usage', `${name}: must be a mapping, as vlb.yaml is`, { where: whereOf([]) });
  }
  return ok({ file, name, value, whereOf });
}

/**
 * The fields of all files, and what is in those that are mappings. Fails as `usage` for what two of them set.
 * @param parts vlb.yaml first
 */
export function mergeParts(parts: readonly [ConfigPart, ...ConfigPart[]]): Result<MergedConfig> {
  const [main, ...included] = parts;
  const partOf = ([field, key]: FieldPath): ConfigPart => {
    const having = parts.filter(({ value }) => isObject(value) && Object.hasOwn(value, field ?? ''));
    const exact = having.find(({ value }) => {
      const given = isObject(value) ? value[field ?? ''] : undefined;
      return isObject(given) && Object.hasOwn(given, key ?? '');
    });
    return exact ?? having[0] ?? main;
  };
  if (included.length === 0) return ok({ value: main.value, partOf: () => main });
  if (main.value !== null && !isObject(main.value)) return ok({ value: main.value, partOf: () => main });
  const merged = withoutPrototype(main.value ?? {});
  for (const part of included) {
    for (const [field, given] of Object.entries(isObject(part.value) ? part.value : {})) {
      if (field === 'include') continue;
      const earlier = merged[field];
      if (!Object.hasOwn(merged, field)) merged[field] = given;
      else if (!isObject(earlier) || !isObject(given)) return setTwice([field], part);
      else {
        const twice = Object.keys(given).find((key) => Object.hasOwn(earlier, key));
        if (twice !== undefined) return setTwice([field, twice], part);
        merged[field] = Object.assign(withoutPrototype(earlier), given);
      }
    }
  }
  return ok({ value: merged, partOf });

  function setTwice(path: FieldPath, part: ConfigPart): Result<never> {
    const other = partOf(path);
    const place = `${other.name}:${other.whereOf(path).line}`;
    return fail('usage', `${part.name}: ${path.join('.')} is set in ${place} as well`, {
      where: part.whereOf(path),
      hint: 'remove one of the two: files that are included add fields and do not replace them',
    });
  }
}

/** A copy in which `__proto__` is a field as any other. */
function withoutPrototype(fields: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.assign(Object.create(null), fields);
}

function isList(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.every((one) => typeof one === 'string');
}
