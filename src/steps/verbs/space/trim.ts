// trim: gives the free space of file systems back.

import { ok } from '../../../model/failure.ts';
import { quoteCommand } from '../../../util/quote.ts';
import { asList, imagePath, oneOrMany } from '../../fields.ts';
import { defineVerb } from '../../verb.ts';

export const TRIM = defineVerb({
  name: 'trim',
  summary:
    'Gives the free space of mounted file systems back, as virt-sparsify does in place. vlb does this itself at the end of each layer for the file system at /',
  examples: ['trim: [/, /boot]'],
  schema: oneOrMany('must be a directory on which a file system is mounted', imagePath()),
  title: (args) => asList(args).join(' '),
  compile: (args) =>
    ok({
      // Free blocks are known as such when they have been written.
      shell: asList(args)
        .map((place) => `${quoteCommand(['sync', '-f', place])}\n${quoteCommand(['fstrim', '-v', place])}`)
        .join('\n'),
    }),
});
