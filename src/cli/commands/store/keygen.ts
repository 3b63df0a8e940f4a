// vlb store keygen: a pair of keys, to sign and to recognize what trusted builds put into the shared cache.

import { closeSync, fsyncSync, openSync, writeSync } from 'node:fs';
import path from 'node:path';
import { generateKeys } from '../../../compose.ts';
import { type Failure, fail, failAt } from '../../../model/failure.ts';
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
    if (systemError(error).code !== 'EEXIST') {
      return failAt(file, 'cannot write the private key', error).failure;
    }
    return fail('usage', 'a file of this name exists', {
      where: { file },
      hint: 'choose another file: a lost key cannot be restored',
    }).failure;
  }
}
