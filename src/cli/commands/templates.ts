// vlb templates: lists the templates that bases can be made from.

import { type Failure, fail } from '../../model/failure.ts';
import { templatesText, templateText } from '../../report/text/templates.ts';
import { guessHint } from '../../util/nearest.ts';
import { sourceTemplates } from '../../workspace/catalog/templates.ts';
import type { Raw } from '../args/table/table.ts';
import { EXIT, exitStatusOf } from '../exit-status.ts';
import { workspaceOf } from '../open-workspace.ts';
import type { GlobalOptions } from '../options.ts';
import { createInterrupt } from '../terminal/interrupt.ts';
import { printNotes, printResult } from '../terminal/streams.ts';

/** Prints all templates, a line each; or all that is known of those of one name. */
export async function templates(
  { name, json }: Raw<'templates'>,
  options: GlobalOptions,
): Promise<number | Failure> {
  const interrupt = createInterrupt();
  interrupt.listen();
  const read = await sourceTemplates(workspaceOf(options), interrupt.signal);
  if (interrupt.signal.aborted) {
    return exitStatusOf(fail('interrupted', 'interrupted').failure, interrupt.received());
  }
  if (!read.ok) return read.failure;
  for (const { message, where } of read.value.flatMap(({ invalid }) => invalid)) {
    printNotes({ type: 'note', message: `${message} (${where?.file}:${where?.line})` });
  }
  const shown = read.value.flatMap(({ source, templates: all }) =>
    all.map((template) => ({ source: source.name, ...template })),
  );
  const format = { ...options, json };
  if (name === undefined) {
    const listed = shown.filter(({ isHidden }) => !isHidden);
    if (listed.length === 0 && !json) return EXIT.ok;
    return printResult(format, listed, () => templatesText(listed));
  }
  const named = shown.filter((template) => [template.name, ...template.aliases].includes(name));
  if (named.length > 0) return printResult(format, named, () => named.map(templateText).join('\n\n'));
  const known = shown.flatMap((template) => [template.name, ...template.aliases]);
  return fail('usage', `there is no template ${name} in the sources of vlb.yaml`, {
    hint: guessHint(name, known, 'vlb templates lists them'),
  }).failure;
}
