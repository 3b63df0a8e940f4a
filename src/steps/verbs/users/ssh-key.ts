// ssh-key: public keys with which a user of the image can log in.

import * as v from 'valibot';
import { authorizeKeys } from '../../../distro/accounts.ts';
import { ok } from '../../../model/failure.ts';
import { accountName, asList, mapping, oneOf, oneOrMany } from '../../fields.ts';
import { defineVerb } from '../../verb.ts';
import { filesOf, keyOrFile, keysOf } from './keys.ts';

const RULE = 'must be a public key, a file of the layer, or a mapping with "user" and "key"';

const SCHEMA = oneOf(RULE, [
  keyOrFile(),
  v.pipe(v.array(keyOrFile()), v.minLength(1, 'must not be empty')),
  mapping({ user: v.optional(accountName()), key: oneOrMany('must be a key', keyOrFile()) }),
]);

export const SSH_KEY = defineVerb({
  name: 'ssh-key',
  summary:
    'Lets a user, root if none is named, log in with public keys: texts as in authorized_keys, or files of the layer',
  examples: [
    'ssh-key: ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKaE4VZ1vJqXf0Gm4Ww6mC2n9yYbqvXk7m3c2r1zQ5pT ann@example.org',
    'ssh-key: { user: ann, key: [keys/ann.pub] }',
  ],
  schema: SCHEMA,
  title: (args) => given(args).user,
  reads: (args) => filesOf(given(args).keys),
  compile(args, { files }) {
    const { user, keys } = given(args);
    const found = keysOf(keys, files);
    return found.ok ? ok({ shell: authorizeKeys(user, found.value) }) : found;
  },
});

function given(args: v.InferOutput<typeof SCHEMA>): { user: string; keys: readonly string[] } {
  if (typeof args === 'string' || !('key' in args)) return { user: 'root', keys: asList(args) };
  return { user: args.user ?? 'root', keys: asList(args.key) };
}
