// The selectors of passwords and SSH keys that virt-customize(1) and virt-builder(1) have.

import type { Draft } from './draft.ts';

/**
 * Adds the step that a selector of a password means: `password:secret`, `file:FILE`, `random`, `disabled`, `locked` and
 * `locked:` with one of the others. A password never gets into a file of the project: the layer takes it as a secret.
 * Returns why it is not valid, if it is not.
 * @param at the option or line, for notes; without the password
 */
export function addPassword(draft: Draft, at: string, user: string, selector: string): string | undefined {
  const [, lock, rest] = /^(lock(?:ed)?)(?::([\s\S]*))?$/.exec(selector) ?? [];
  const isLocked = lock !== undefined;
  const kind = (isLocked ? (rest ?? 'disabled') : selector).split(':', 1)[0] ?? '';
  if (kind === 'disabled' || kind === 'disable') {
    draft.lastStep(at, passwordStep(user, { locked: true }));
    return undefined;
  }
  if (kind === 'random') {
    draft.lost(at, 'vlb chooses no passwords: set one with a secret');
    return undefined;
  }
  if (kind !== 'password' && kind !== 'file') return 'not a selector of a password';
  const secret = `password-${user.replaceAll(/[^A-Za-z0-9_.-]/g, '_')}`;
  draft.secret(secret);
  draft.lastStep(at, passwordStep(user, { secret, ...(isLocked ? { locked: true } : {}) }));
  const file = kind === 'file' ? selector.replace(/^(lock(ed)?:)?file:/, '') : 'FILE';
  draft.note(
    at,
    `the password of ${user} is a secret, which is not in layer.yaml: build with --secret ${secret}=${file}`,
  );
  return undefined;
}

function passwordStep(user: string, fields: Readonly<Record<string, unknown>>) {
  return user === 'root' ? { 'root-password': fields } : { password: { user, ...fields } };
}
