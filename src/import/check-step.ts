// Whether vlb takes a step as an import writes it.

import { fail, ok, type Result } from '../model/failure.ts';
import { problemOf } from '../project/steps/issues.ts';
import { VALUE } from '../project/steps/resolve.ts';
import { VERBS } from '../steps/registry.ts';
import { renderField } from '../steps/render.ts';
import type { StepEntry } from '../translate/draft.ts';

type Params = Readonly<Record<string, string>>;

/**
 * What is wrong with the arguments of a step; undefined if nothing is.
 * @param params the defaults of the layer's params
 */
export function faultOf(step: StepEntry, params: Params): string | undefined {
  const [[name, given] = ['', undefined]] = Object.entries(step);
  const verb = VERBS.find((one) => one.name === name);
  if (!verb) return `unknown verb ${name}`;
  const isShell = typeof given === 'string' && verb.shell.length > 0;
  const args = isShell ? ok<unknown>(given) : rendered(given, params, verb.shell);
  if (!args.ok) return args.failure.message;
  const made = verb.step(args.value);
  if (made.ok) return undefined;
  const { message, hint } = problemOf(verb.name, verb.schema, made.issues);
  return hint === undefined ? message : `${message} (${hint})`;
}

/** Arguments as a layer renders them, without those that are the text of a shell. */
function rendered(value: unknown, params: Params, shell: readonly string[]): Result<unknown> {
  if (typeof value === 'string') return value.includes(VALUE) ? renderField(value, params) : ok(value);
  if (typeof value !== 'object' || value === null) return ok(value);
  const entries: [string, unknown][] = [];
  for (const [key, inner] of Object.entries(value)) {
    const text = shell.includes(key) ? ok(inner) : rendered(inner, params, []);
    if (!text.ok) return fail('usage', text.failure.message);
    entries.push([key, text.value]);
  }
  return ok(Array.isArray(value) ? entries.map(([, inner]) => inner) : Object.fromEntries(entries));
}
