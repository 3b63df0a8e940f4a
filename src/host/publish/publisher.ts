// Publishes with the tools of this host: gpg and skopeo. They find keys and credentials where they always do.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { fail, failAt, ok } from '../../model/failure.ts';
import type { Publisher } from '../../model/ports/publisher.ts';
import { dyingWithParent } from '../process/lifetime.ts';
import { isInstalled, missingTool, run } from '../process/run.ts';
import { makeScratch } from '../process/scratch.ts';

const checkKey: Publisher['checkKey'] = async (key) => {
  if (!isInstalled('gpg')) return missingTool('gpg');
  const found = await run('gpg', ['--batch', '--list-secret-keys', '--', key], { env: { LC_ALL: 'C' } });
  if (found.ok) return ok();
  return fail('usage', `gpg has no secret key "${key}"`, {
    hint: 'gpg --list-secret-keys lists those that there are',
    detail: found.failure.detail ?? [],
  });
};

const sign: Publisher['sign'] = async (text, key, signal) => {
  const args = ['--batch', '--armor', '--digest-algo', 'SHA512', '--local-user', key, '--clear-sign'];
  const signed = await run(...dyingWithParent('KILL', 'gpg', args), { signal, input: text });
  return signed.ok ? ok(signed.value.stdout) : signed;
};

const verified: Publisher['verified'] = async (signed, signal) => {
  if (!isInstalled('gpg')) return missingTool('gpg');
  const args = ['--batch', '--status-fd', '2', '--decrypt'];
  const checked = await run(...dyingWithParent('KILL', 'gpg', args), {
    signal,
    input: signed,
    env: { LC_ALL: 'C' },
    okStatuses: [0, 1, 2],
  });
  if (!checked.ok) return checked;
  const { status, stdout, stderr } = checked.value;
  // A good signature by an expired or revoked key has another word.
  if (status === 0 && /^\[GNUPG:\] GOODSIG /m.test(stderr)) return ok(stdout);
  return fail('usage', 'the signature is not valid', {
    detail: stderr.split('\n').filter((line) => line !== '' && !line.startsWith('[GNUPG:]')),
  });
};

const checkPush: Publisher['checkPush'] = () => (isInstalled('skopeo') ? ok() : missingTool('skopeo'));

const push: Publisher['push'] = async (layout, image, signal) => {
  const able = checkPush();
  if (!able.ok) return able;
  const scratch = makeScratch();
  if (!scratch.ok) return scratch;
  using directory = scratch.value;
  const digest = path.join(directory.path, 'digest');
  // In a path, a colon would begin the tag.
  const args = ['copy', '--quiet', '--digestfile', digest, 'oci:.', `docker://${image}`];
  const copied = await run(...dyingWithParent('KILL', 'skopeo', args), { signal, cwd: layout });
  if (!copied.ok) {
    const { failure } = copied;
    if (!/unauthorized|authentication required|denied/i.test(failure.detail?.join('\n') ?? '')) return copied;
    const registry = image.slice(0, image.indexOf('/'));
    return { ok: false, failure: { ...failure, hint: `log in: skopeo login ${registry}` } };
  }
  try {
    return ok(readFileSync(digest, 'utf8').trim());
  } catch (error) {
    return failAt(digest, 'cannot read the digest of the image', error);
  }
};

export const publisher: Publisher = { checkKey, sign, verified, checkPush, push };
