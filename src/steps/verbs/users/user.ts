// user: of the image.

import * as v from 'valibot';
import { authorizeKeys, putUser } from '../../../distro/accounts.ts';
import { ok } from '../../../model/failure.ts';
import {
  accountName,
  accountNumber,
  asList,
  imagePath,
  mapping,
  oneOf,
  oneOrMany,
  pattern,
} from '../../fields.ts';
import { defineVerb } from '../../verb.ts';
import { filesOf, keyOrFile, keysOf } from './keys.ts';
import { PASSWORD, secretsOf, setPassword } from './passwords.ts';

const SCHEMA = oneOf('must be the name of a user, or a mapping with "name"', [
  accountName(),
  v.pipe(
    mapping({
      name: accountName(),
      uid: v.optional(accountNumber()),
      group: v.optional(accountName('group')),
      groups: v.optional(oneOrMany('must be the name of a group', accountName('group'))),
      // passwd(5) has a field of its own for each of these.
      comment: v.optional(pattern('must be one line without a colon', /^[^:\n\r\0]*$/)),
      home: v.optional(v.pipe(imagePath(), v.regex(/^[^:\n]+$/, 'must be one line without a colon'))),
      shell: v.optional(v.pipe(imagePath(), v.regex(/^[^:\n]+$/, 'must be one line without a colon'))),
      system: v.optional(v.boolean('must be true or false')),
      password: v.optional(PASSWORD),
      locked: v.optional(v.boolean('must be true or false')),
      'ssh-keys': v.optional(oneOrMany('must be a key', keyOrFile())),
    }),
    v.check(
      ({ password, locked }) => password === undefined || locked !== true,
      'must have either password or locked',
    ),
  ),
]);

export const USER = defineVerb({
  name: 'user',
  summary:
    'Makes a user, or changes one that exists. Without `password` the user can only log in with `ssh-keys`, which are public keys or files of the layer that have some. `locked: true` takes the password of one that exists away',
  examples: [
    'user: ann',
    `user:
  name: ann
  uid: 1200
  groups: [adm, users]
  comment: Ann Example
  shell: /bin/bash
  password: { secret: ANN_PASSWORD }
  ssh-keys: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKaE4VZ1vJqXf0Gm4Ww6mC2n9yYbqvXk7m3c2r1zQ5pT ann@example.org`,
    'user: { name: app, system: true, home: /srv/app, shell: /usr/sbin/nologin }',
  ],
  schema: SCHEMA,
  title: (args) => (typeof args === 'string' ? args : args.name),
  reads: (args) => (typeof args === 'string' ? [] : filesOf(asList(args['ssh-keys']))),
  secrets: (args) => (typeof args === 'string' ? [] : secretsOf(args.password)),
  compile(args, { distribution, files }) {
    const given = typeof args === 'string' ? { name: args } : args;
    const { name, groups, system, password, locked, 'ssh-keys': sshKeys } = { ...NOTHING, ...given };
    const lines = [
      putUser(distribution, { ...given, groups: asList(groups), system: system === true }),
      ...(password === undefined ? [] : [setPassword(name, password)]),
      ...(locked === true ? [setPassword(name, 'locked')] : []),
    ];
    if (sshKeys !== undefined) {
      const keys = keysOf(asList(sshKeys), files);
      if (!keys.ok) return keys;
      lines.push(authorizeKeys(name, keys.value));
    }
    return ok({ shell: lines.join('\n') });
  },
});

const NOTHING = {
  groups: undefined,
  system: undefined,
  password: undefined,
  locked: undefined,
  'ssh-keys': undefined,
};
