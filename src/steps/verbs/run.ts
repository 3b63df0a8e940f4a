// run: a command line.

import * as v from 'valibot';
import { ok } from '../../model/failure.ts';
import { quoteWord } from '../../util/quote.ts';
import { defineVerb } from '../verb.ts';

const RULE = 'must be a command line, or a mapping with "command"';

export const RUN = defineVerb({
  name: 'run',
  summary: 'Runs a command line by /bin/sh -eu, in the directory of the layer’s files',
  examples: [
    'run: make -C src install',
    'run: { command: ./configure && make, user: build, directory: /usr/src/app }',
  ],
  schema: v.union(
    [
      v.string(),
      v.strictObject({
        command: v.string('must be a command line'),
        user: v.optional(v.string('must be the name of a user of the image')),
        directory: v.optional(v.pipe(v.string(), v.startsWith('/', 'must be an absolute path in the image'))),
        environment: v.optional(v.record(v.string(), v.string('must be a string')), {}),
      }),
    ],
    RULE,
  ),
  shell: ['command'],
  title: (args) => (typeof args === 'string' ? args : args.command),
  // Whatever it runs may read any of them.
  reads: () => 'all',
  compile(args) {
    if (typeof args === 'string') return ok({ shell: args });
    const { command, user, directory, environment = {} } = args;
    const variables = Object.entries(environment).map(
      ([name, value]) => `export ${name}=${quoteWord(value)}`,
    );
    const lines = [...variables, ...(directory === undefined ? [] : [`cd ${quoteWord(directory)}`])];
    const run =
      user === undefined
        ? command
        : `setpriv --reuid=${quoteWord(user)} --init-groups /bin/sh -euc ${quoteWord(command)}`;
    return ok({ shell: [...lines, run].join('\n') });
  },
});
