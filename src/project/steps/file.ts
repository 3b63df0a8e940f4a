// Opens a layer.yaml, or a file that it includes: its value, and the place of each part of it.

import path from 'node:path';
import { isMap, LineCounter, parseDocument, visit } from 'yaml';
import { fail, ok, type Result, type Where } from '../../model/failure.ts';
import { realPathIfAny } from '../../util/fs.ts';
import { placeIn, plainValue } from '../config/positions.ts';
import { checkEncoding } from '../inputs/encoding.ts';
import { LARGEST_TEXT, readFile } from '../inputs/read-file.ts';

export type FieldPath = readonly (string | number)[];

export interface StepsFile {
  /** Relative to the layer, normalized. */
  readonly name: string;
  readonly text: string;
  /** Numbers are texts as they are written; an empty file is null. */
  readonly value: unknown;
  /** Of a field, or of the nearest one above it that exists. */
  placeOf(path: FieldPath): Required<Where>;
}

/**
 * Opens a file of a layer. Fails as `usage`, with line and column, for one that cannot be read, is outside of the layer, or is not
 * YAML.
 * @param layer absolute path of its directory
 * @param name as written, relative to the layer
 * @param from where it is included
 */
export function openStepsFile(layer: string, name: string, from?: Where): Result<StepsFile> {
  const file = path.join(layer, name);
  const what = from ? `the file ${name}` : name;
  const real = realPathIfAny(file);
  const isOutside =
    path.isAbsolute(name) ||
    !file.startsWith(`${layer}/`) ||
    (real !== undefined && !real.startsWith(`${realPathIfAny(layer)}/`));
  if (isOutside) {
    return fail('usage', `${what} is not in the layer`, { where: from ?? { file } });
  }
  const read = readFile(file, { what, atMost: LARGEST_TEXT });
  if (!read.ok) return from ? { ok: false, failure: { ...read.failure, where: from } } : read;
  const encoded = checkEncoding(read.value, file, what);
  if (!encoded.ok) return encoded;
  return parse(path.normalize(name), file, read.value.toString());
}

function parse(name: string, file: string, text: string): Result<StepsFile> {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const { contents, errors } = document;
  const at = (offset: number): Required<Where> => {
    const { line, col: column } = lines.linePos(offset);
    return { file, line, column };
  };
  const [error] = errors;
  if (error) return fail('usage', `${name}: ${error.message}`, { where: at(error.pos[0]) });
  let wrong: ReturnType<typeof fail> | undefined;
  visit(document, {
    Alias(_, node) {
      wrong ??= fail('usage', `${name}: aliases ("*${node.source}") are not supported`, {
        where: at(node.range?.[0] ?? 0),
        hint: 'steps that are needed twice can be in a file of their own: see include',
      });
    },
    Pair(_, { key }) {
      if (!isMap(key)) return;
      wrong ??= fail('usage', `${name}: a mapping cannot be the name of a field`, {
        where: at(key.range?.[0] ?? 0),
        hint: `quote a text that begins with {{: '{{ NAME }}'`,
      });
    },
  });
  if (wrong) return wrong;
  return ok({
    name,
    text,
    value: plainValue(contents),
    placeOf: (place) => ({
      file,
      ...(contents === null ? { line: 1, column: 1 } : placeIn(contents, place, lines)),
    }),
  });
}
