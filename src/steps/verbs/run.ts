// run: a command line.

import { ok } from '../../model/failure.ts';
import { mapping, oneOf, text } from '../fields.ts';
import { asUser, RUN_FIELDS, settings } from '../run-as.ts';
import { defineVerb } from '../verb.ts';

const RULE = 'must be a command line, or a mapping with "command"';

export const RUN = defineVerb({
  name: 'run',
  summary: 'Runs a command line by /bin/sh -eu, in the directory of the layer’s files',
  examples: [
    'run: make -C src install',
    'run: { command: ./configure && make, user: build, directory: /usr/src/app }',
  ],
  schema: oneOf(RULE, [text(RULE), mapping({ command: text('must be a command line'), ...RUN_FIELDS })]),
  shell: ['command'],
  title: (args) => (typeof args === 'string' ? args : args.command),
  // Whatever it runs may read any of them.
  reads: () => 'all',
  compile(args) {
    if (typeof args === 'string') return ok({ shell: args });
    const { command, user } = args;
    const run = user === undefined ? command : asUser(['/bin/sh', '-euc', command], user);
    return ok({ shell: [...settings(args), run].join('\n') });
  },
});
