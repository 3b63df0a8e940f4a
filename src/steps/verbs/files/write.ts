// write: a file of the image, with its content in layer.yaml.

import * as v from 'valibot';
import { writeText } from '../../../distro/shell-text.ts';
import { ok } from '../../../model/failure.ts';
import { quoteWord } from '../../../util/quote.ts';
import { imagePathBelowRoot, mapping, mode, owner, text } from '../../fields.ts';
import { makeParent, setAttributes } from '../../image-files.ts';
import { defineVerb } from '../../verb.ts';

export const WRITE = defineVerb({
  name: 'write',
  summary: 'Writes a file with exactly this content, and makes its directories',
  examples: [
    `write:
  path: /etc/motd
  content: |
    Built in layers.
    By $USER, without any expansion.`,
    'write: { path: /etc/sudoers.d/admins, content: "%sudo ALL=(ALL) NOPASSWD: ALL\\n", mode: 0440 }',
  ],
  schema: mapping({
    path: imagePathBelowRoot(),
    content: text(),
    mode: v.optional(mode()),
    owner: v.optional(owner()),
  }),
  title: ({ path }) => path,
  compile({ path, content, ...attributes }) {
    const lines = [
      ...makeParent(path),
      writeText(quoteWord(path), content),
      ...setAttributes(path, attributes),
    ];
    return ok({ shell: lines.join('\n') });
  },
});
