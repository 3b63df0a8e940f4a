// mkdir: directories of the image.

import * as v from 'valibot';
import { ok } from '../../../model/failure.ts';
import { quoteCommand } from '../../../util/quote.ts';
import { asList, imagePathBelowRoot, mapping, mode, oneOf, oneOrMany, owner } from '../../fields.ts';
import { setAttributes } from '../../image-files.ts';
import { defineVerb } from '../../verb.ts';

const RULE = 'must be an absolute path in the image';
const PATHS = oneOrMany(RULE, imagePathBelowRoot());

const SCHEMA = oneOf(`${RULE}, a list, or a mapping with "path"`, [
  imagePathBelowRoot(),
  v.pipe(v.array(imagePathBelowRoot()), v.minLength(1, 'must not be empty')),
  mapping({ path: PATHS, mode: v.optional(mode()), owner: v.optional(owner()) }),
]);

type Args = v.InferOutput<typeof SCHEMA>;

export const MKDIR = defineVerb({
  name: 'mkdir',
  summary: 'Makes directories, with those above them. Mode and owner are those of the last one',
  examples: [
    'mkdir: [/srv/app, /srv/data]',
    'mkdir: { path: /srv/www, mode: 2775, owner: www-data:www-data }',
  ],
  schema: SCHEMA,
  title: (args) => pathsOf(args).join(' '),
  compile(args) {
    const attributes = typeof args === 'object' && 'path' in args ? args : {};
    return ok({
      shell: [
        quoteCommand(['mkdir', '-p', ...pathsOf(args)]),
        ...pathsOf(args).flatMap((path) => setAttributes(path, attributes)),
      ].join('\n'),
    });
  },
});

function pathsOf(args: Args): readonly string[] {
  return typeof args === 'object' && 'path' in args ? asList(args.path) : asList(args);
}
