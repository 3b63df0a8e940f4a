// link: a symbolic link of the image.

import { ok } from '../../../model/failure.ts';
import { quoteCommand } from '../../../util/quote.ts';
import { imagePathBelowRoot, mapping, pattern } from '../../fields.ts';
import { makeParent } from '../../image-files.ts';
import { defineVerb } from '../../verb.ts';

export const LINK = defineVerb({
  name: 'link',
  summary: 'Makes a symbolic link in place of a file or link that may be there. The target need not exist',
  examples: ['link: { path: /etc/nginx/sites-enabled/app, target: ../sites-available/app }'],
  schema: mapping({ path: imagePathBelowRoot(), target: pattern('must be a path', /^[^\0]+$/) }),
  title: ({ path }) => path,
  compile: ({ path, target }) =>
    ok({ shell: [...makeParent(path), quoteCommand(['ln', '-sfT', '--', target, path])].join('\n') }),
});
