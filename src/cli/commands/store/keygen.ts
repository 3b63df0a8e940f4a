// vlb store keygen: a pair of keys, to sign and to recognize what trusted builds put into the shared cache.

import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import { generateKeys } from '../../../compose.ts';
import { type Failure, fail } from '../../../model/failure.ts';
import { systemError } from '../../../util/errors.ts';
import { EXIT } from '../../exit-status.ts';

/**
 * Writes a private key to a new file that its owner alone can read, and prints the public one, as vlb.yaml takes it.
 * @param file relative to the working directory
 */
export async function keygen(file: string): Promise<number | Failure> {
  const { publicKey, privateKey } = await generateKeys();
  const failure = writeSecret(path.resolve(file), privateKey);
  if (failure) return failure;
  process.stderr.write(
    `${file} has the private key: trusted builds name it in VLB_CACHE_SIGNING_KEY, and nobody else has it.\n` +
      'The public key goes into vlb.yaml:\n',
  );
  process.stdout.write(`cache:\n  trusted-keys:\n    - ${publicKey}\n`);
  return EXIT.ok;
}

function writeSecret(file: string, text: string): Failure | undefined {
  try {
    const descriptor = openSync(file, 'wx', 0o600);
    try {
      writeSync(descriptor, text);
      fsyncSync(descriptor);
    } finally {
      closeSync(descriptor);
    }
    return undefined;
  } catch (error) {
    const { code, message } = systemError(error);
    const where = { file };
    if (code !== 'EEXIST')
      return fail('host', `the private key cannot be written: ${message}`, { where }).failure;
    const hint = 'name another file: a key that is lost cannot be had again';
    return fail('usage', 'there is a file already, which is left as it is', { where, hint }).failure;
  }
}
