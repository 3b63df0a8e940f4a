// Ed25519 signatures of records. Public keys are written as the base64 of their 32 bytes (RFC 8032).

import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign as signBytes,
  verify as verifyBytes,
} from 'node:crypto';
import { attempt } from '../../util/errors.ts';

export interface Signer {
  readonly publicKey: string;
  /** The base64 of a text's signature. */
  sign(text: string): string;
}

export interface KeyPair {
  readonly publicKey: string;
  /** PEM, PKCS #8: a secret. */
  readonly privateKey: string;
}

/** A new pair of keys. */
export function generateKeys(): KeyPair {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  return {
    publicKey: textOf(publicKey),
    privateKey: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
  };
}

/** A signer with the private key in a PEM text; undefined when that is not an Ed25519 key. */
export function signerOf(pem: string): Signer | undefined {
  const key = attempt(() => createPrivateKey(pem));
  if (key?.asymmetricKeyType !== 'ed25519') return undefined;
  return {
    publicKey: textOf(createPublicKey(key)),
    sign: (text) => signBytes(undefined, Buffer.from(text), key).toString('base64'),
  };
}

/** Whether a signature of a text was made with the private key of this public key. */
export function isSignedBy(publicKey: string, text: string, signature: string): boolean {
  const x = Buffer.from(publicKey, 'base64').toString('base64url');
  try {
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
    return verifyBytes(undefined, Buffer.from(text), key, Buffer.from(signature, 'base64'));
  } catch {
    return false; // not a key, or not a point of the curve
  }
}

function textOf(publicKey: KeyObject): string {
  const { x = '' } = publicKey.export({ format: 'jwk' });
  return Buffer.from(x, 'base64url').toString('base64');
}
