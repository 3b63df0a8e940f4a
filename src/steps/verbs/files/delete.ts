// delete: files and directories of the image.

import * as v from 'valibot';
import { ok } from '../../../model/failure.ts';
import { asList, imagePath, oneOrMany } from '../../fields.ts';
import { wildcardWord } from '../../image-files.ts';
import { defineVerb } from '../../verb.ts';

/** More than wildcards, so that it cannot be everything. */
const PATH = v.pipe(imagePath(), v.regex(/[^/.*?]/, 'must not be the root directory'));

export const DELETE = defineVerb({
  name: 'delete',
  summary:
    'Deletes files, and directories with all that is in them. * and ? are wildcards. What does not exist is ignored',
  examples: ['delete: /etc/nginx/sites-enabled/default', "delete: ['/var/log/*.gz', /usr/share/doc]"],
  schema: oneOrMany('must be an absolute path in the image', PATH),
  title: (args) => asList(args).join(' '),
  compile: (args) => ok({ shell: `rm -rf ${asList(args).map(wildcardWord).join(' ')}` }),
});
