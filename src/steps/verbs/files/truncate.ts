// truncate: empties files of the image.

import * as v from 'valibot';
import { stop } from '../../../distro/shell-text.ts';
import { ok } from '../../../model/failure.ts';
import { quoteCommand, quoteWord } from '../../../util/quote.ts';
import { asList, imagePathBelowRoot, mapping, oneOf, oneOrMany } from '../../fields.ts';
import { defineVerb } from '../../verb.ts';

const RULE = 'must be an absolute path in the image';

const SCHEMA = oneOf(`${RULE}, a list, or a mapping with "path"`, [
  imagePathBelowRoot(),
  v.pipe(v.array(imagePathBelowRoot()), v.minLength(1, 'must not be empty')),
  mapping({
    path: oneOrMany(RULE, imagePathBelowRoot()),
    recursive: v.optional(v.boolean('must be true or false')),
  }),
]);

type Args = v.InferOutput<typeof SCHEMA>;

export const TRUNCATE = defineVerb({
  name: 'truncate',
  summary: 'Empties files, which must exist; with `recursive`, all files in a directory',
  examples: ['truncate: /etc/machine-id', 'truncate: { path: /var/log, recursive: true }'],
  schema: SCHEMA,
  title: (args) => pathsOf(args).join(' '),
  compile(args) {
    const isRecursive = typeof args === 'object' && 'path' in args && args.recursive === true;
    const paths = pathsOf(args);
    if (isRecursive) {
      return ok({ shell: `${quoteCommand(['find', ...paths])} -type f -exec truncate -s 0 {} +` });
    }
    return ok({
      shell: [
        ...paths.map((path) => `[ -f ${quoteWord(path)} ] || ${stop(`${path}: no such file`)}`),
        quoteCommand(['truncate', '-s', '0', ...paths]),
      ].join('\n'),
    });
  },
});

function pathsOf(args: Args): readonly string[] {
  return typeof args === 'object' && 'path' in args ? asList(args.path) : asList(args);
}
