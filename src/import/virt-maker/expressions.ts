// The expressions in a template: which of them a layer can have as they are, and the values of the others.

import { fail, ok, type Result } from '../../model/failure.ts';
import { isOwnVariable } from '../../project/hints/words.ts';
import { renderTemplate } from '../../steps/render.ts';
import type { Draft } from '../../translate/draft.ts';
import { literal } from '../../translate/steps.ts';
import { withVariables } from './shell-text.ts';
import { type Place, plainOf, type Tree, treeOfValue } from './tree.ts';

/** A value alone: `{{ name }}`. */
const VALUE = /\{\{-?\s*([A-Za-z_]\w*)\s*-?\}\}/g;
const SIGNS = /\{[{%#]/;
/** What would mean something else if it came from a variable of the shell instead of the text. */
const SPECIAL = /["'`$\\;|&<>()*?[\]#~\n]/;
/** virt-maker renders again what has expressions after it was rendered. */
const MOST_ROUNDS = 10;

export interface Expressions {
  /** The text with all values in it, those of the template's params. Fails as `usage` with what cannot be evaluated. */
  fixed(text: string): Result<string>;
  /** The value of a text that may be one expression, such as a list of steps. */
  value(text: string, at: Place): Result<Tree>;
  /** A text of a layer.yaml: values of params remain where that is possible, and are declared in the layer. */
  kept(text: string, at: Place, draft: Draft): Result<string>;
  /** The same for a text of a shell, which a layer does not render: values become variables. */
  shell(text: string, at: Place, draft: Draft): Result<string>;
}

/** The expressions of a template with these params and functions. */
export function expressionsOf(
  params: Tree | undefined,
  functions: Readonly<Record<string, unknown>>,
): Expressions {
  const given = params?.type === 'map' ? params.entries : new Map<string, Tree>();
  const resolved = new Map<string, Result<unknown>>();

  /** The value of a param, which may name others. */
  const param = (name: string): Result<unknown> => {
    const known = resolved.get(name);
    if (known) return known;
    const tree = given.get(name);
    resolved.set(name, fail('usage', `the param ${name} depends on itself`));
    const value = tree === undefined ? ok(undefined) : deep(plainOf(tree));
    resolved.set(name, value);
    return value;
  };

  const deep = (value: unknown): Result<unknown> => {
    if (typeof value === 'string') return SIGNS.test(value) ? evaluated(value) : ok(value);
    if (typeof value !== 'object' || value === null) return ok(value);
    const entries = Object.entries(value).map(([key, inner]) => [key, deep(inner)] as const);
    const failed = entries.find(([, inner]) => !inner.ok)?.[1];
    if (failed) return failed;
    const values = entries.map(([key, inner]) => [key, inner.ok ? inner.value : undefined] as const);
    return ok(Array.isArray(value) ? values.map(([, inner]) => inner) : Object.fromEntries(values));
  };

  /** The params that a text may use. Other names are those of functions, of filters, or of the text. */
  const valuesFor = (text: string): Result<Readonly<Record<string, unknown>>> => {
    const values: Record<string, unknown> = { ...functions };
    for (const [word] of text.matchAll(/[A-Za-z_]\w*/g)) {
      if (!given.has(word)) continue;
      const value = param(word);
      if (!value.ok) return value;
      values[word] = value.value;
    }
    return ok(values);
  };

  const renderAll = (text: string): Result<string> => {
    let current = text;
    for (let round = 0; round < MOST_ROUNDS && SIGNS.test(current); round++) {
      const values = valuesFor(current);
      if (!values.ok) return values;
      const next = renderTemplate(current, values.value);
      if (!next.ok) return next;
      current = next.value;
    }
    return ok(current);
  };

  /** The value of one expression, and the text of others. */
  const evaluated = (text: string): Result<unknown> => {
    const [, inner] = /^\s*\{\{((?:(?!\}\}|\{\{)[\s\S])*)\}\}\s*$/.exec(text) ?? [];
    if (inner === undefined) return renderAll(text);
    const values = valuesFor(inner);
    if (!values.ok) return values;
    let value: unknown;
    const take = (given: unknown) => {
      value = given;
      return '';
    };
    // The name cannot be one of the template's: it would be a param.
    const taken = renderTemplate(`{{ vlb_take(${inner.trim()}) }}`, { ...values.value, vlb_take: take });
    if (!taken.ok) return taken;
    return value === undefined ? fail('usage', `{{${inner}}} has no value`) : ok(value);
  };

  /** The params of a text that has nothing but values of params which are one text; undefined otherwise. */
  const plainParams = (text: string): readonly string[] | undefined => {
    if (SIGNS.test(text.replaceAll(VALUE, ''))) return undefined;
    const names = [...text.matchAll(VALUE)].map(([, name = '']) => name);
    const isParam = (name: string) =>
      given.get(name)?.type === 'text' && !isOwnVariable(name) && param(name).ok && isLine(paramText(name));
    return names.every(isParam) ? names : undefined;
  };

  const paramText = (name: string): string => {
    const tree = given.get(name);
    if (tree?.type === 'text' && !SIGNS.test(tree.text)) return tree.text;
    const value = param(name);
    return value.ok ? String(value.value) : '';
  };

  const declare = (names: readonly string[], draft: Draft): void => {
    for (const name of names) {
      const text = paramText(name);
      draft.param(name, text);
      const tree = given.get(name);
      if (tree?.type === 'text' && SIGNS.test(tree.text)) {
        draft.note(tree.at, `${name}: evaluated once, to "${text}"`);
      }
    }
  };

  const fixedWithNote = (text: string, at: Place, draft: Draft): Result<string> => {
    const fixed = renderAll(text);
    if (fixed.ok && fixed.value !== text) {
      draft.note(
        at,
        `evaluated once, with the values of params and functions of now: ${shortened(fixed.value)}`,
      );
    }
    return fixed;
  };

  return {
    fixed: renderAll,
    value(text, at) {
      const value = SIGNS.test(text) ? evaluated(text) : ok(text);
      return value.ok ? ok(treeOfValue(value.value, at)) : value;
    },
    kept(text, at, draft) {
      const names = plainParams(text);
      if (names === undefined) {
        const fixed = fixedWithNote(text, at, draft);
        return fixed.ok ? ok(literal(fixed.value)) : fixed;
      }
      declare(names, draft);
      return ok(text.replaceAll(VALUE, '{{ $1 }}'));
    },
    shell(text, at, draft) {
      const names = plainParams(text);
      const isSafe = names?.every((name) => !SPECIAL.test(paramText(name)));
      const withNames = names && isSafe ? withVariables(text) : undefined;
      if (names === undefined || withNames === undefined) return fixedWithNote(text, at, draft);
      declare(names, draft);
      return ok(withNames);
    },
  };
}

function isLine(text: string): boolean {
  return !text.includes('\n');
}

function shortened(text: string): string {
  const [line = ''] = text.trim().split('\n', 1);
  return `"${line.length > 60 ? `${line.slice(0, 60)}…` : line}"`;
}
