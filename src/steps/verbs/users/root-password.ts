// root-password: of the image.

import { ok } from '../../../model/failure.ts';
import { defineVerb } from '../../verb.ts';
import { PASSWORD, secretsOf, setPassword } from './passwords.ts';

export const ROOT_PASSWORD = defineVerb({
  name: 'root-password',
  summary: 'Sets the password of root, as `password` does, or locks it: root can then log in with a key only',
  examples: [
    'root-password: locked',
    "root-password: { hash: '$6$Zk1WbQxQ$YB3cWfYyVfWJcRkqS2m3vC1bq9HcG0m3bq0GQm6F0bJk6m0Yp2mVg3s8J5m2bS1J3n4Q0bW1n1m9Qw0Zk1WbQ.' }",
    'root-password: { secret: ROOT_PASSWORD }',
  ],
  schema: PASSWORD,
  title: (args) => (args === 'locked' ? 'locked' : ''),
  secrets: secretsOf,
  compile: (args) => ok({ shell: setPassword('root', args) }),
});
