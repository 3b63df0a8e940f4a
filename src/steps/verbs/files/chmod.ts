// chmod: the mode of files of the image.

import * as v from 'valibot';
import { ok } from '../../../model/failure.ts';
import { quoteCommand } from '../../../util/quote.ts';
import { asList, imagePathBelowRoot, mapping, oneOrMany, pattern } from '../../fields.ts';
import { defineVerb } from '../../verb.ts';

const MODE =
  /^(?:0?[0-7]{3,4}|[ugoa]*(?:[-+=](?:[rwxXst]*|[ugo]))+(?:,[ugoa]*(?:[-+=](?:[rwxXst]*|[ugo]))+)*)$/;

export const CHMOD = defineVerb({
  name: 'chmod',
  summary: 'Sets the mode of files, as chmod(1) takes it',
  examples: [
    'chmod: { path: /usr/local/bin/app, mode: 0755 }',
    "chmod: { path: /srv/app, mode: 'g+rwX,o=', recursive: true }",
  ],
  schema: mapping({
    path: oneOrMany('must be an absolute path in the image', imagePathBelowRoot()),
    mode: pattern('must be a mode of chmod(1), such as 0644 or g+w', MODE),
    recursive: v.optional(v.boolean('must be true or false')),
  }),
  title: ({ path, mode }) => [mode, ...asList(path)].join(' '),
  compile: ({ path, mode, recursive }) =>
    ok({
      // A mode may begin with a dash.
      shell: quoteCommand(['chmod', ...(recursive ? ['-R'] : []), '--', mode, ...asList(path)]),
    }),
});
