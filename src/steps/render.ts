// Renders texts with nunjucks: {{ NAME }} becomes the value of NAME. Loaded only where a text has something to render.

import { type ConfigureOptions, Environment } from 'nunjucks';
import { fail, ok, type Result } from '../model/failure.ts';
import { guessHint } from '../util/nearest.ts';

/** What is put into other programs' files: nothing is escaped for HTML. */
const OPTIONS = { autoescape: false, throwOnUndefined: true };

/** A value at the beginning of an expression, which is how nearly all are used. */
const VALUE = /\{\{-?\s*([A-Za-z_]\w*)(?!\w|\s*\()([^{}]*)/g;

/** Tags that no text has: NUL cannot be in a field. Otherwise a script's `${#name}` would begin a comment. */
const ONLY_VALUES = { blockStart: '\0%', blockEnd: '%\0', commentStart: '\0#', commentEnd: '#\0' };

type Values = Readonly<Record<string, unknown>>;

/**
 * The text of a field with the values in it. `{{ … }}` may have any expression of nunjucks; `{%` and `{#` are text.
 * Fails as `usage` for a value that does not exist, and for what nunjucks cannot read; `where` is left to the caller.
 */
export function renderField(text: string, values: Values): Result<string> {
  return render(text, values, { ...OPTIONS, tags: ONLY_VALUES });
}

/**
 * A template with the values in it. It may have all that nunjucks knows, but no other templates.
 * Fails as `usage`, like `renderField`.
 */
export function renderTemplate(text: string, values: Values): Result<string> {
  return render(text, values, OPTIONS);
}

function render(text: string, values: Values, options: ConfigureOptions): Result<string> {
  for (const { 1: name = '', 2: rest = '', index } of text.matchAll(VALUE)) {
    if (Object.hasOwn(values, name) || /\|\s*default\b/.test(rest) || isSetIn(text, name)) continue;
    const line = text.slice(0, index).split('\n').length;
    const known = Object.keys(values);
    if (name === 'machine') {
      return fail('usage', 'a layer does not know its machine: several machines can have it', {
        hint: 'declare a param, and give it a value for each image, in images: of vlb.yaml',
      });
    }
    return fail('usage', `"{{ ${name} }}"${line === 1 ? '' : ` in line ${line}`} has no value`, {
      hint: guessHint(name, known, `valid names: ${known.join(', ')}`),
    });
  }
  try {
    return ok(new Environment([], options).renderString(text, { ...values }));
  } catch (error) {
    return fail('usage', `not a valid template: ${reasonOf(error)}`);
  }
}

/** Whether a template itself sets a variable of the name: `{% for NAME in … %}`, `{% set NAME = … %}`. */
function isSetIn(text: string, name: string): boolean {
  return (
    new RegExp(`\\{%-?\\s*(?:for|set|macro|import|from)\\b[^%]*\\b${name}\\b`).test(text) || name === 'loop'
  );
}

/** What nunjucks says: `(unknown path) [Line 2, Column 5]`, and the reason below. */
function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  const lines = text.split('\n').map((line) => line.trim().replace(/^(?:Template render error|Error): /, ''));
  return lines.join(' ').replaceAll('(unknown path)', '').replace(/\s+/g, ' ').trim();
}
