// Passwords in steps: a hash, or the name of a secret, or none. A password itself would be in keys and in git.

import * as v from 'valibot';
import { lockPassword, setPasswordFromSecret, setPasswordHash } from '../../../distro/accounts.ts';
import { mapping, oneOf, pattern, secretName } from '../../fields.ts';

const RULE = 'must be locked, { hash: … } as mkpasswd prints it, or { secret: NAME }';

/** crypt(5): fields of letters, digits and a few more, behind dollar signs. */
const HASH = pattern(
  'must be a hash of a password, as mkpasswd prints it',
  /^\$[A-Za-z0-9]+\$[A-Za-z0-9./$=,_-]+$/,
);

export const PASSWORD = oneOf(RULE, [
  v.literal('locked', RULE),
  v.pipe(
    mapping({
      hash: v.optional(HASH),
      secret: v.optional(secretName()),
      'secret-hash': v.optional(secretName()),
    }),
    v.check((given) => Object.keys(given).length === 1, 'must have one of hash, secret, secret-hash'),
  ),
]);

/** The fields of a mapping, whose type valibot loses behind a check on all of it. */
interface Given {
  readonly hash?: string | undefined;
  readonly secret?: string | undefined;
  readonly 'secret-hash'?: string | undefined;
}

export type Password = 'locked' | Given;

/** The lines that set it. */
export function setPassword(user: string, password: Password): string {
  if (password === 'locked') return lockPassword(user);
  if (password.hash !== undefined) return setPasswordHash(user, password.hash);
  const isHash = password.secret === undefined;
  return setPasswordFromSecret(user, password.secret ?? password['secret-hash'] ?? '', isHash);
}

export function secretsOf(password: Password | undefined): readonly string[] {
  if (password === undefined || password === 'locked') return [];
  return [password.secret, password['secret-hash']].filter((name) => name !== undefined);
}
