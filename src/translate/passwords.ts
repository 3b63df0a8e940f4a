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
  const kind = (rest ?? selector).split(':', 1)[0] ?? '';
  const isKnown = ['password', 'file', 'random', 'disabled', 'disable'].includes(kind);
  if (!isKnown && (lock === undefined || rest !== undefined)) return 'not a selector of a password';
  if (lock !== undefined || kind.startsWith('disable')) {
    draft.lastStep(at, passwordStep(user, 'locked'));
    if (kind === 'password' || kind === 'file') {
      draft.note(at, `${user} is locked, without a password for when that is undone`);
    }
    return undefined;
  }
  if (kind === 'random') {
    draft.lost(at, 'vlb chooses no passwords: set one with a secret');
    return undefined;
  }
  const secret = `password-${user.replaceAll(/[^A-Za-z0-9_.-]/g, '_')}`;
  draft.secret(secret);
  draft.lastStep(at, passwordStep(user, { secret }));
  const file = kind === 'file' ? selector.slice('file:'.length) : 'FILE';
  draft.note(
    at,
    `the password of ${user} is a secret, which is not in layer.yaml: build with --secret ${secret}=${file}`,
  );
  return undefined;
}

function passwordStep(user: string, password: 'locked' | { readonly secret: string }) {
  return user === 'root' ? { 'root-password': password } : { password: { user, password } };
}
