// template: a file of the layer, rendered, as a file of the image.

import * as v from 'valibot';
import { writeText } from '../../../distro/shell-text.ts';
import { fail, ok } from '../../../model/failure.ts';
import { quoteWord } from '../../../util/quote.ts';
import { imagePathBelowRoot, layerPath, mapping, mode, owner } from '../../fields.ts';
import { makeParent, setAttributes } from '../../image-files.ts';
import { cleanPath, exactly } from '../../layer-files.ts';
import { defineVerb } from '../../verb.ts';

export const TEMPLATE = defineVerb({
  name: 'template',
  summary:
    'Writes a file that is rendered from a template of the layer, by nunjucks: `{{ VERSION }}` is a param',
  examples: ['template: { from: motd.njk, to: /etc/motd }'],
  schema: mapping({
    from: layerPath(),
    to: imagePathBelowRoot(),
    mode: v.optional(mode()),
    owner: v.optional(owner()),
  }),
  title: ({ to }) => to,
  reads: ({ from }) => [exactly(from)],
  templates: ({ from }) => [cleanPath(from)],
  compile({ from, to, ...attributes }, { files, render }) {
    const content = files.read(cleanPath(from));
    if (!content.ok) return content;
    const text = content.value.toString('utf8');
    if (!Buffer.from(text).equals(content.value)) return fail('usage', `${from} is not UTF-8`);
    const rendered = render(text);
    if (!rendered.ok) {
      return fail('usage', `${from}: ${rendered.failure.message}`, {
        ...(rendered.failure.hint === undefined ? {} : { hint: rendered.failure.hint }),
      });
    }
    if (rendered.value.includes('\0')) return fail('usage', `${from} contains NUL`);
    const lines = [
      ...makeParent(to),
      writeText(quoteWord(to), rendered.value),
      ...setAttributes(to, attributes),
    ];
    return ok({ shell: lines.join('\n') });
  },
});
