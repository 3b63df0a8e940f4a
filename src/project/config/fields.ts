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
