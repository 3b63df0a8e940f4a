// Verifies OpenPGP signatures with gpgv, which trusts the keys of one keyring and no others; gpg has the user's own keys.

import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fail, failAt, ok, type Result } from '../../model/failure.ts';
import { dyingWithParent } from '../process/lifetime.ts';
import { isInstalled, missingTool, run } from '../process/run.ts';
import { makeScratch } from '../process/scratch.ts';

/** Implements `Host.verifySignature`. */
export async function verifySignature(
  data: Buffer,
  signature: Buffer | undefined,
  keyring: Buffer,
  signal: AbortSignal,
): Promise<Result<Buffer>> {
  if (!isInstalled('gpgv')) return missingTool('gpgv');
  const scratch = makeScratch();
  if (!scratch.ok) return scratch;
  using directory = scratch.value;
  const file = (name: string) => path.join(directory.path, name);
  try {
    writeFileSync(file('data'), data);
    writeFileSync(file('keyring'), withoutArmor(keyring));
    if (signature) writeFileSync(file('signature'), signature);
    const files = signature ? [file('signature'), file('data')] : ['--output', file('signed'), file('data')];
    const args = ['--homedir', directory.path, '--keyring', file('keyring'), '--status-fd', '1', ...files];
    const checked = await run(...dyingWithParent('KILL', 'gpgv', args), {
      signal,
      env: { LC_ALL: 'C' },
      okStatuses: [0, 1, 2],
    });
    if (!checked.ok) return checked;
    const { status, stdout, stderr } = checked.value;
    // A key that was revoked, or has expired, makes valid signatures, but no good ones: doc/DETAILS of GnuPG.
    if (status !== 0 || !/^\[GNUPG:\] GOODSIG /m.test(stdout) || !/^\[GNUPG:\] VALIDSIG /m.test(stdout)) {
      const detail = stderr.split('\n').filter((line) => line !== '' && !line.includes(directory.path));
      return fail('usage', 'the signature is not valid', {
        detail,
        hint: 'base.keyring must have the public key that it was signed with; otherwise do not use the image',
      });
    }
    return ok(signature ? data : readFileSync(file('signed')));
  } catch (error) {
    return failAt(directory.path, 'cannot verify a signature', error);
  }
}

/** Implements `Host.exportKey`. */
export async function exportKey(fingerprint: string, signal: AbortSignal): Promise<Result<Buffer>> {
  if (!isInstalled('gpg')) return missingTool('gpg');
  const args = ['--batch', '--quiet', '--armor', '--export', fingerprint];
  const exported = await run(...dyingWithParent('KILL', 'gpg', args), { signal, env: { LC_ALL: 'C' } });
  if (!exported.ok) return exported;
  const key = Buffer.from(exported.value.stdout);
  if (key.length > 0) return ok(key);
  return fail('usage', `the key ${fingerprint} is not in the keyring of gpg`, {
    hint: 'import it (gpg --import FILE), or name a file with it: keyring:',
  });
}

/** A keyring in the format that gpgv reads: RFC 9580 has the armored form in section 6, as base64 with a checksum. */
function withoutArmor(keyring: Buffer): Buffer {
  const blocks = keyring
    .toString('latin1')
    .matchAll(/^-----BEGIN PGP PUBLIC KEY BLOCK-----\s*?\n(?:.+\n)*?\s*\n([^-]*)^-----END/gm);
  const keys = [...blocks].map(([, lines = '']) => Buffer.from(lines.replace(/^=.{4}\s*$/m, ''), 'base64'));
  return keys.length === 0 ? keyring : Buffer.concat(keys);
}
