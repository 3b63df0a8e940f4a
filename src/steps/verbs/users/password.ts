// password: of a user of the image.

import { ok } from '../../../model/failure.ts';
import { accountName, mapping } from '../../fields.ts';
import { defineVerb } from '../../verb.ts';
import { PASSWORD, secretsOf, setPassword } from './passwords.ts';

export const PASSWORD_VERB = defineVerb({
  name: 'password',
  summary:
    'Sets the password of a user: `hash`, as mkpasswd prints it, `secret`, a secret of the layer with the password, `secret-hash`, one with its hash, or locked',
  examples: [
    'password: { user: ann, password: { secret: ANN_PASSWORD } }',
    'password: { user: debian, password: locked }',
  ],
  schema: mapping({ user: accountName(), password: PASSWORD }),
  title: ({ user }) => user,
  secrets: ({ password }) => secretsOf(password),
  compile: ({ user, password }) => ok({ shell: setPassword(user, password) }),
});
