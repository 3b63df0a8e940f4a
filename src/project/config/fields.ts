// What the schemas of vlb.yaml are made of: mappings whose unknown fields are explained, texts, URLs.

import * as v from 'valibot';
import { guessHint } from '../../util/nearest.ts';

/** A mapping with these fields and no others. `prefix` is its own path, `cache.s3.`. */
export function fields<const Entries extends v.ObjectEntries>(
  prefix: string,
  rule: string,
  entries: Entries,
) {
  const schema = v.strictObject(entries, (issue) => {
    if (issue.path === undefined) return rule;
    return isUnknownField(issue) ? unknownField(String(issue.path[0].key)) : 'is missing';
  });
  return noList(schema);

  function unknownField(name: string): string {
    const known = Object.keys(entries);
    const others = `valid fields: ${known.join(', ')}`;
    const advice = guessHint(name, known, others, (guess) => `"${prefix}${guess}"`);
    return `unknown field "${prefix}${name}" (${advice})`;
  }
}

/** Makes the schema of a mapping reject lists, which valibot accepts as objects. */
export function noList<Schema extends v.GenericSchema>(schema: Schema) {
  const run = schema['~run'].bind(schema);
  const runNoList: typeof run = (dataset, config) =>
    run(Array.isArray(dataset.value) ? { value: null } : dataset, config);
  return Object.assign(schema, { '~run': runNoList });
}

/** Whether an issue is about a field that does not exist; its message is a whole sentence. */
export function isUnknownField(issue: { readonly expected: string | null }): boolean {
  return issue.expected === 'never';
}

/** Any text. */
export function text(rule = 'must be a string') {
  return v.string(rule);
}

/** Whether a text in the place of a path is meant as a URL. */
export function isUrl(text: string): boolean {
  return /^https?:\/\//.test(text);
}

/** Values of parameters. The reader passes numbers as they are written. */
export const params = noList(
  v.record(
    v.pipe(
      text(),
      v.regex(/^[A-Za-z_]\w*$/, 'is not the name of a parameter: use letters, digits and underscores'),
    ),
    v.union([v.string(), v.number()], 'must be a string or a number: quote it'),
    'must be a mapping like "ROLE: web"',
  ),
);

/** The same as values: numbers as they are written. */
export function paramsIn(given: v.InferOutput<typeof params> | undefined): ReadonlyMap<string, string> {
  return new Map(Object.entries(given ?? {}).map(([name, value]) => [name, String(value)] as const));
}
