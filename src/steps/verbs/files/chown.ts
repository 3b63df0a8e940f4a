// chown: the owner of files of the image.

import * as v from 'valibot';
import { ok } from '../../../model/failure.ts';
import { quoteCommand } from '../../../util/quote.ts';
import { asList, imagePathBelowRoot, mapping, oneOrMany, owner } from '../../fields.ts';
import { defineVerb } from '../../verb.ts';

export const CHOWN = defineVerb({
  name: 'chown',
  summary:
    'Sets the owner of files, `user` or `user:group`. Links in a tree are changed themselves, not followed',
  examples: ['chown: { path: /srv/app, owner: www-data:www-data, recursive: true }'],
  schema: mapping({
    path: oneOrMany('must be an absolute path in the image', imagePathBelowRoot()),
    owner: owner(),
    recursive: v.optional(v.boolean('must be true or false')),
  }),
  title: ({ path, owner }) => [owner, ...asList(path)].join(' '),
  compile: ({ path, owner, recursive }) =>
    ok({ shell: quoteCommand(['chown', ...(recursive ? ['-Rh'] : []), owner, ...asList(path)]) }),
});
