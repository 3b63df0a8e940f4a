// zero-free: overwrites the free space of file systems with zeros.

import { ok } from '../../../model/failure.ts';
import { quoteCommand, quoteWord } from '../../../util/quote.ts';
import { asList, imagePath, oneOrMany } from '../../fields.ts';
import { defineVerb } from '../../verb.ts';

export const ZERO_FREE = defineVerb({
  name: 'zero-free',
  summary:
    'Fills the free space of mounted file systems with zeros: for file systems that cannot be trimmed, and so that nothing of deleted files can be read. The layer then takes as much space as the file system has, until it is exported. Blocks that ext4 keeps back from every file are trimmed, where the image has fstrim',
  version: 2,
  examples: ['zero-free: /boot/efi'],
  schema: oneOrMany('must be a directory on which a file system is mounted', imagePath()),
  title: (args) => asList(args).join(' '),
  compile: (args) =>
    ok({
      shell: asList(args)
        .map((place) => {
          const file = quoteWord(`${place.replace(/\/*$/, '')}/zero-free.tmp`);
          // It ends when the file system is full, for ext4 but for its reserved clusters: ext4(5) of the kernel's documentation.
          const fill = `dd if=/dev/zero of=${file} bs=1M 2>/dev/null || true\nsync\nrm ${file}`;
          const trim = quoteCommand(['fstrim', place]);
          return `${fill}\nsync\n! command -v fstrim >/dev/null || ${trim} 2>/dev/null || true`;
        })
        .join('\n'),
    }),
});
