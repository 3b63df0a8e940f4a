// The fields of a layer.yaml that are hints: each has the meaning that words.ts gives it.

import { fail, ok, type Result } from '../../model/failure.ts';
import type { Hints } from '../../model/project.ts';
import { isObject } from '../../util/json.ts';
import { guessHint } from '../../util/nearest.ts';
import { noHints } from '../hints/parse.ts';
import type { FieldShape, HintDraft, HintWord } from '../hints/word.ts';
import { VLB_WORDS } from '../hints/words.ts';
import { hiddenTarget } from '../layers/targets.ts';
import type { FieldPath, StepsFile } from './file.ts';

const OWN_FIELDS = ['system', 'disks', 'steps', 'cache-points'];

/** The hint of each field. */
const WORDS: ReadonlyMap<string, { readonly word: HintWord; readonly shape: FieldShape }> = new Map(
  Object.values(VLB_WORDS).flatMap((word) =>
    word.field ? [[word.field.name, { word, shape: word.field.shape }] as const] : [],
  ),
);

/** All fields of a layer.yaml. */
export const LAYER_FIELDS: readonly string[] = [...OWN_FIELDS, ...WORDS.keys()];

/** Why a value does not fit: the predicate of a message. */
const SHAPES: Readonly<Record<FieldShape, string>> = {
  flag: 'must be true or false',
  text: 'must be a text',
  texts: 'must be a text or a list of texts',
  pairs: 'must be a mapping like "SOURCE: /target", or a list of such mappings',
  params: 'must be a mapping of names to defaults, or a list of names',
};

/** One hint: its arguments, as they would follow `# vlb: WORD`, and where they are. */
interface Given {
  readonly args: readonly string[];
  readonly text: string;
  readonly path: FieldPath;
}

/** The hints of a layer.yaml. Fails as `usage`, with its place, for a field that does not exist and for a value that does not fit. */
export function readHints(file: StepsFile): Result<Hints> {
  const { value, placeOf } = file;
  const draft = noHints();
  if (!isObject(value)) {
    return fail('usage', 'must be a mapping with "steps" or "system"', { where: placeOf([]) });
  }
  for (const [name, given] of Object.entries(value)) {
    if (OWN_FIELDS.includes(name)) continue;
    const known = WORDS.get(name);
    if (known === undefined) return unknownField(name, file);
    const parts = SHAPE[known.shape](given, [name]);
    if (parts === undefined) {
      return fail('usage', `${name} ${SHAPES[known.shape]}`, { where: placeOf([name]) });
    }
    for (const part of parts) {
      const taken = take(draft, known.word, name, part, file);
      if (!taken.ok) return taken;
    }
  }
  const hidden = hiddenTarget(draft);
  if (hidden === undefined) return ok(draft);
  return fail('usage', hidden.message, { where: { file: placeOf([]).file, line: hidden.line } });
}

function take(
  draft: HintDraft,
  word: HintWord,
  name: string,
  { args, text, path }: Given,
  { placeOf }: StepsFile,
): Result<void> {
  const where = placeOf(path);
  const wrong = word.take(draft, args, { kind: 'layer.yaml', line: where.line, text });
  return wrong === undefined ? ok() : fail('usage', `${name} ${wrong}`, { where });
}

function unknownField(name: string, { placeOf }: StepsFile): Result<never> {
  const otherwise = `valid fields: ${LAYER_FIELDS.join(', ')}`;
  // The hint of a script has another name: `param` of `params`.
  const field = VLB_WORDS[name]?.field?.name;
  return fail('usage', `unknown field "${name}"`, {
    where: placeOf([name]),
    hint:
      field === undefined
        ? guessHint(name, LAYER_FIELDS, otherwise, (guess) => `"${guess}"`)
        : `use "${field}"`,
  });
}

/** The hints that a value of each shape amounts to; undefined where it does not fit. */
const SHAPE: Readonly<Record<FieldShape, (value: unknown, path: FieldPath) => readonly Given[] | undefined>> =
  {
    flag: (value, path) =>
      typeof value === 'boolean' ? (value ? [{ args: [], text: '', path }] : []) : undefined,
    text: (value, path) => (typeof value === 'string' ? [{ args: [value], text: value, path }] : undefined),
    texts: (value, path) => {
      if (!Array.isArray(value)) return SHAPE.text(value, path);
      return all(value.map((one, index) => SHAPE.text(one, [...path, index])));
    },
    pairs: (value, path) => {
      if (Array.isArray(value)) return all(value.map((one, index) => SHAPE.pairs(one, [...path, index])));
      if (!isObject(value)) return undefined;
      return all(
        Object.entries(value).map(([source, target]) =>
          typeof target === 'string'
            ? [{ args: [source, target], text: `${source} ${target}`, path: [...path, source] }]
            : undefined,
        ),
      );
    },
    params: (value, path) => {
      if (Array.isArray(value)) return all(value.map((one, index) => SHAPE.text(one, [...path, index])));
      if (!isObject(value)) return undefined;
      return all(
        Object.entries(value).map(([name, given]) => {
          const text = typeof given === 'boolean' ? String(given) : given;
          const place = [...path, name];
          if (!/^[A-Za-z_]\w*$/.test(name)) return undefined;
          if (text === null) return [{ args: [name], text: name, path: place }];
          if (typeof text !== 'string') return undefined;
          return [{ args: [name], text: `${name}=${text}`, path: place }];
        }),
      );
    },
  };

/** Nothing if one of them does not fit. */
function all(parts: readonly (readonly Given[] | undefined)[]): readonly Given[] | undefined {
  return parts.includes(undefined) ? undefined : parts.flatMap((part) => part ?? []);
}
