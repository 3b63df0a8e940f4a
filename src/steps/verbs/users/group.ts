// group: of the image.

import * as v from 'valibot';
import { putGroup } from '../../../distro/accounts.ts';
import { ok } from '../../../model/failure.ts';
import { accountName, accountNumber, mapping, oneOf } from '../../fields.ts';
import { defineVerb } from '../../verb.ts';

export const GROUP = defineVerb({
  name: 'group',
  summary: 'Makes a group, unless it exists',
  examples: ['group: deploy', 'group: { name: app, gid: 990, system: true }'],
  schema: oneOf('must be the name of a group, or a mapping with "name"', [
    accountName('group'),
    mapping({
      name: accountName('group'),
      gid: v.optional(accountNumber()),
      system: v.optional(v.boolean('must be true or false')),
    }),
  ]),
  title: (args) => (typeof args === 'string' ? args : args.name),
  compile(args, { distribution }) {
    const { name, gid, system } =
      typeof args === 'string' ? { name: args, gid: undefined, system: false } : args;
    return ok({ shell: putGroup(distribution, { name, gid, system: system === true }) });
  },
});
