// touch: makes empty files, or sets the time of files that are there.

import { ok } from '../../../model/failure.ts';
import { quoteCommand } from '../../../util/quote.ts';
import { asList, imagePathBelowRoot, oneOrMany } from '../../fields.ts';
import { makeParent } from '../../image-files.ts';
import { defineVerb } from '../../verb.ts';

export const TOUCH = defineVerb({
  name: 'touch',
  summary: 'Makes empty files; files that exist get the current time',
  examples: ['touch: /etc/cloud/cloud-init.disabled'],
  schema: oneOrMany('must be an absolute path in the image', imagePathBelowRoot()),
  title: (args) => asList(args).join(' '),
  compile(args) {
    const parents = new Set(asList(args).flatMap(makeParent));
    return ok({ shell: [...parents, quoteCommand(['touch', ...asList(args)])].join('\n') });
  },
});
