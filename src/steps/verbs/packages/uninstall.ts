// uninstall: packages, with their configuration and what only they needed.

import { packageManagerOf } from '../../../distro/packages/manager.ts';
import { ok } from '../../../model/failure.ts';
import { asList, oneOrMany } from '../../fields.ts';
import { defineVerb } from '../../verb.ts';
import { packageName } from './names.ts';

export const UNINSTALL = defineVerb({
  name: 'uninstall',
  summary: 'Removes packages, with their configuration files and the packages that only they needed',
  examples: ['uninstall: [nano, vim-tiny]'],
  schema: oneOrMany('must be the name of a package', packageName()),
  title: (args) => asList(args).join(' '),
  compile(args, { distribution }) {
    const manager = packageManagerOf(distribution);
    if (!manager.ok) return manager;
    const shell = manager.value.uninstall(asList(args));
    return shell.ok ? ok({ shell: shell.value }) : shell;
  },
});
