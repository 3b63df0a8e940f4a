// What is wrong with the arguments of a step, out of the issues that valibot finds: one sentence, and the path of the argument.

import type { BaseIssue, GenericSchema } from 'valibot';
import { nearest } from '../../util/nearest.ts';
import type { FieldPath } from './file.ts';

export interface Problem {
  /** Below the arguments of the step. */
  readonly path: FieldPath;
  readonly message: string;
  readonly hint?: string;
}

interface Found extends Problem {
  /** A misspelled name is often the cause of the other problems. */
  readonly isUnknownField: boolean;
}

/**
 * The problem to report.
 * @param verb its name, which begins the path in the message
 */
export function problemOf(
  verb: string,
  schema: GenericSchema,
  issues: readonly BaseIssue<unknown>[],
): Problem {
  const found = issues.flatMap((issue) => problemsOf(verb, schema, issue, []));
  const problem = found.find((one) => one.isUnknownField) ?? found.toSorted(deepestFirst)[0];
  return problem ?? { path: [], message: `${verb} is not valid` };
}

function deepestFirst(a: Found, b: Found): number {
  return b.path.length - a.path.length;
}

function problemsOf(
  verb: string,
  schema: GenericSchema,
  issue: BaseIssue<unknown>,
  above: FieldPath,
): readonly Found[] {
  const own = issue.path?.map(({ key }) => (typeof key === 'number' ? key : String(key))) ?? [];
  const path = [...above, ...own];
  // If the value is of one kind of a union, what is wrong with it as such.
  const inner = (issue.issues ?? []).filter((one) => one.path !== undefined);
  if (inner.length > 0) return inner.flatMap((one) => problemsOf(verb, schema, one, path));
  const name = [verb, ...path].join('.');
  const last = path.at(-1);
  if (issue.expected === 'never' && last !== undefined) {
    const known = fieldsAt(schema, path.slice(0, -1));
    const guess = nearest(String(last), known);
    const hint = guess === undefined ? `valid fields: ${known.join(', ')}` : `did you mean "${guess}"?`;
    return [
      { path, message: `unknown field "${name}"`, isUnknownField: true, ...(known.length > 0 && { hint }) },
    ];
  }
  const isMissing = issue.type === 'strict_object' && issue.path !== undefined;
  return [{ path, message: `${name} ${isMissing ? 'is missing' : ruleOf(issue)}`, isUnknownField: false }];
}

/** The message of a verb's own; and of valibot's own, the rule. */
function ruleOf({ message, expected }: BaseIssue<unknown>): string {
  return message.startsWith('Invalid ') ? `must be ${inWords(expected ?? 'something else')}` : message;
}

function inWords(expected: string): string {
  const words: Readonly<Record<string, string>> = {
    string: 'a string',
    boolean: 'true or false',
    Array: 'a list',
    Object: 'a mapping',
  };
  return words[expected] ?? expected.replaceAll(/[()]/g, '').replaceAll(' | ', ' or ');
}

/** What schemas of valibot have, each a part of it. */
interface Parts {
  readonly entries?: Readonly<Record<string, unknown>>;
  readonly options?: readonly unknown[];
  readonly wrapped?: unknown;
  readonly item?: unknown;
  readonly value?: unknown;
}

/** The names of the fields that a schema allows at a path: of all kinds of a union. */
function fieldsAt(schema: unknown, path: FieldPath): readonly string[] {
  const { entries, options = [], wrapped, item, value } = (schema ?? {}) as Parts; // by what it has: there is no type for all
  const [first, ...rest] = path;
  const others = [...options, ...(wrapped === undefined ? [] : [wrapped])];
  const own =
    first === undefined ? Object.keys(entries ?? {}) : fieldsAt(entries?.[first] ?? item ?? value, rest);
  return [...new Set([...own, ...others.flatMap((other) => fieldsAt(other, path))])];
}
