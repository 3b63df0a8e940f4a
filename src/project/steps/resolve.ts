// Completes the steps of a layer once the values of its params are known: leaves out those that do not apply, renders the texts of the
// others, and gives them to their verbs.

import { fail, ok, type Result } from '../../model/failure.ts';
import type { LayerStep, ResolvedSteps } from '../../model/project.ts';
import type { renderField } from '../../steps/render.ts';
import { isObject } from '../../util/json.ts';
import { guessHint } from '../../util/nearest.ts';
import type { Entry } from './entries.ts';
import type { FieldPath, StepsFile } from './file.ts';
import { gitValues, gitValuesOf } from './git.ts';
import { problemOf } from './issues.ts';
import { remaining } from './when.ts';

/** What begins a value in the text of a field. */
export const VALUE = '{{';

export interface About {
  /** As Node names it. */
  readonly architecture: string;
  /** Of the layer. */
  readonly name: string;
  /** Absolute path of the layer. */
  readonly directory: string;
  /** The secrets that the layer declares. */
  readonly secrets: readonly string[];
  /** Undefined where no text of the files has anything to replace. */
  readonly render: typeof renderField | undefined;
}

type Values = Readonly<Record<string, string>>;

/** The steps with the values of the layer's params. Fails as `usage`, with file, line and column. */
export function resolveEntries(
  entries: readonly Entry[],
  params: Values,
  about: About,
): Result<ResolvedSteps> {
  const all: LayerStep[] = [];
  const cacheDirs = new Map<string, number>();
  for (const entry of entries) {
    const values = valuesOf(entry, params, about);
    if (!values.ok) return values;
    const when = remaining(entry.when, values.value, about.architecture);
    if (!when.ok) return when;
    if (when.value === 'never') continue;
    const step = stepOf(entry, values.value, about);
    if (!step.ok) return step;
    const { cacheDirs: own, ...made } = step.value;
    for (const directory of own) cacheDirs.set(directory, made.where.line ?? 1);
    const condition = when.value.length === 0 ? '' : ` when ${JSON.stringify(when.value)}`;
    all.push({ ...made, when: when.value, text: `${made.text}${condition}` });
  }
  return ok({ all, cacheDirs });
}

/** The values that the texts of an entry can have: those of the layer, and over them those of each `include` around it. */
function valuesOf({ scopes }: Entry, params: Values, about: About): Result<Values> {
  let values = params;
  for (const { params: own, file } of scopes) {
    const added: Record<string, string> = {};
    for (const { name, value, path } of own) {
      const rendered = renderAt(value, path, file, values, about);
      if (!rendered.ok) return rendered;
      added[name] = rendered.value;
    }
    values = { ...values, ...added };
  }
  return ok(values);
}

type Made = Omit<LayerStep, 'when'> & { readonly cacheDirs: readonly string[] };

function stepOf({ verb, args, file, path, scopes }: Entry, values: Values, about: About): Result<Made> {
  const context = { file, values, about, path };
  const rendered = renderArguments(args, verb.shell, context);
  if (!rendered.ok) return rendered;
  const made = verb.step(rendered.value);
  if (!made.ok) {
    const problem = problemOf(verb.name, verb.schema, made.issues);
    return fail('usage', problem.message, {
      where: file.placeOf([...path, ...problem.path]),
      ...(problem.hint === undefined ? {} : { hint: problem.hint }),
    });
  }
  const { step } = made;
  const where = file.placeOf(path);
  const undeclared = step.secrets.find((name) => !about.secrets.includes(name));
  if (undeclared !== undefined) {
    return fail('usage', `${verb.name} uses the secret ${undeclared}, which the layer does not declare`, {
      where,
      hint: guessHint(undeclared, about.secrets, `add it: secrets: [${undeclared}]`),
    });
  }
  const isCommand = verb.shell.length > 0 || step.reads === 'all';
  // A file that it reads may be a template.
  const seen = isCommand || step.reads.length > 0 ? values : {};
  const own = scopes.flatMap(({ params }) => params.map(({ name }) => name));
  const extra = Object.fromEntries(
    [...new Set(own)].toSorted().flatMap((name) => (Object.hasOwn(seen, name) ? [[name, seen[name]]] : [])),
  );
  const git = Object.hasOwn(values, 'git') ? ok({}) : gitValuesOf(step.templates, about.directory);
  if (!git.ok) return { ok: false, failure: { ...git.failure, where } };
  const hasGit = Object.keys(git.value).length > 0;
  return ok({
    verb: verb.name,
    args: rendered.value,
    title: step.title,
    version: step.version,
    // The params of the layer have lines of their own in a recipe.
    text: [
      step.text,
      ...(Object.keys(extra).length === 0 ? [] : [`with ${JSON.stringify(extra)}`]),
      ...(hasGit ? [`git ${JSON.stringify(git.value)}`] : []),
    ].join(' '),
    reads: step.reads,
    secrets: isCommand ? 'all' : step.secrets,
    ...(step.hostTool === undefined ? {} : { hostTool: step.hostTool }),
    params: seen,
    ...(hasGit ? { git: git.value } : {}),
    where,
    cacheDirs: step.cacheDirs,
  });
}

/** A value with texts to render, and its place. */
export interface Rendering {
  readonly file: StepsFile;
  readonly path: FieldPath;
  readonly values: Values;
  readonly about: About;
}

/** The arguments of a step with values in their texts, except in those that are a shell's. */
function renderArguments(args: unknown, shell: readonly string[], context: Rendering): Result<unknown> {
  const [first] = shell;
  if (typeof args === 'string' && first !== undefined) return checkShell(args, context);
  if (!isObject(args)) return renderAll(args, context);
  const rendered: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(args)) {
    const below = { ...context, path: [...context.path, name] };
    const isShell = shell.includes(name) && typeof value === 'string';
    const made = isShell ? checkShell(value, below) : renderAll(value, below);
    if (!made.ok) return made;
    rendered[name] = made.value;
  }
  return ok(rendered);
}

/** Fails for a text of a shell that has a param as a template has it. What else looks like a template is left to its commands. */
function checkShell(text: string, { file, path, values }: Rendering): Result<string> {
  const name = Object.keys(values).find((one) => new RegExp(`\\{\\{-?\\s*${one}\\b`).test(text));
  if (name === undefined) return ok(text);
  return fail('usage', `{{ ${name} }} in a shell command, where a value could become code`, {
    where: file.placeOf(path),
    hint: `use the variable of that name: "$${name}"`,
  });
}

/** A value with the values of params in all of its texts. Fails as `usage`, with the place. */
export function renderAll(value: unknown, context: Rendering): Result<unknown> {
  if (typeof value === 'string') {
    return renderAt(value, context.path, context.file, context.values, context.about);
  }
  if (Array.isArray(value)) {
    const list: unknown[] = [];
    for (const [index, one] of value.entries()) {
      const made = renderAll(one, { ...context, path: [...context.path, index] });
      if (!made.ok) return made;
      list.push(made.value);
    }
    return ok(list);
  }
  if (!isObject(value)) return ok(value);
  const mapping: Record<string, unknown> = {};
  for (const [name, one] of Object.entries(value)) {
    const made = renderAll(one, { ...context, path: [...context.path, name] });
    if (!made.ok) return made;
    mapping[name] = made.value;
  }
  return ok(mapping);
}

function renderAt(
  text: string,
  path: FieldPath,
  file: StepsFile,
  values: Values,
  { render, name, architecture, directory }: About,
): Result<string> {
  if (!text.includes(VALUE) || !render) return ok(text);
  const git = Object.hasOwn(values, 'git') ? ok({}) : gitValues(text, directory);
  const rendered = git.ok ? render(text, { layer: name, architecture, git: git.value, ...values }) : git;
  return rendered.ok ? rendered : { ok: false, failure: { ...rendered.failure, where: file.placeOf(path) } };
}
