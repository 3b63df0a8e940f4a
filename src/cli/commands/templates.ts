// vlb templates: lists the templates that bases can be made from.

import { type Failure, fail, ok, type Result } from '../../model/failure.ts';
import { templatesText, templateText } from '../../report/text/templates.ts';
import { guessHint } from '../../util/nearest.ts';
import { sourceTemplates } from '../../workspace/catalog/templates.ts';
import type { Raw } from '../args/table/table.ts';
import { workspaceOf } from '../open-workspace.ts';
import type { GlobalOptions } from '../options.ts';
import { interruptible } from '../terminal/interrupt.ts';
import { printNotes, printResult } from '../terminal/streams.ts';

/** Prints all templates, a line each; or all that is known of those of one name. */
export async function templates(raw: Raw<'templates'>, options: GlobalOptions): Promise<number | Failure> {
  return await interruptible((signal) => print(raw, options, signal));
}

async function print(
  { name, json }: Raw<'templates'>,
  options: GlobalOptions,
  signal: AbortSignal,
): Promise<Result<void>> {
  const read = await sourceTemplates(workspaceOf(options), signal);
  if (!read.ok) return read;
  // What was not read then is not among them.
  if (signal.aborted) return fail('interrupted', 'interrupted');
  for (const { message, where } of read.value.flatMap(({ invalid }) => invalid)) {
    printNotes({ type: 'note', message: `${message} (${where?.file}:${where?.line})` });
  }
  const shown = read.value.flatMap(({ source, templates: all }) =>
    all.map((template) => ({ source: source.name, ...template })),
  );
  const format = { ...options, json };
  if (name === undefined) {
    const listed = shown.filter(({ isHidden }) => !isHidden);
    if (listed.length > 0 || json) printResult(format, listed, () => templatesText(listed));
    return ok();
  }
  const named = shown.filter((template) => [template.name, ...template.aliases].includes(name));
  if (named.length > 0) {
    printResult(format, named, () => named.map(templateText).join('\n\n'));
    return ok();
  }
  const known = shown.flatMap((template) => [template.name, ...template.aliases]);
  return fail('usage', `there is no template ${name} in the sources of vlb.yaml`, {
    hint: guessHint(name, known, 'vlb templates lists them'),
  });
}
