// update: brings installed packages up to date.

import * as v from 'valibot';
import { packageManagerOf } from '../../../distro/packages/manager.ts';
import { KEPT } from '../../../distro/packages/port.ts';
import { ok } from '../../../model/failure.ts';
import { asList, oneOf } from '../../fields.ts';
import { defineVerb } from '../../verb.ts';
import { packageName } from './names.ts';

const RULE = 'must be "all", or a list of packages';

export const UPDATE = defineVerb({
  name: 'update',
  summary:
    'Brings all installed packages up to date, or those of a list; `max-age` of the layer says how often it runs again',
  examples: ['update: all', 'update: [openssl, ca-certificates]'],
  schema: oneOf(RULE, [
    v.literal('all', RULE),
    v.pipe(v.array(packageName()), v.minLength(1, 'must not be empty')),
  ]),
  title: (args) => asList(args).join(' '),
  cacheDirs: () => [KEPT],
  compile(args, { distribution }) {
    const manager = packageManagerOf(distribution);
    if (!manager.ok) return manager;
    const shell = manager.value.update(args === 'all' ? [] : args);
    return shell.ok ? ok({ shell: shell.value }) : shell;
  },
});
