// Ed25519: who made a record. Keys are told as the base64 of their 32 bytes, as RFC 8032 has them.

import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  sign as signBytes,
  verify as verifyBytes,
} from 'node:crypto';

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

/** What signs with the private key of a PEM text; undefined when it is none for Ed25519. */
export function signerOf(pem: string): Signer | undefined {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch {
    return undefined;
  }
  if (key.asymmetricKeyType !== 'ed25519') return undefined;
  return {
    publicKey: textOf(createPublicKey(key)),
    sign: (text) => signBytes(undefined, Buffer.from(text), key).toString('base64'),
  };
}

/** Whether a signature of a text was made with the private key that belongs to this one. */
export function isSignedBy(publicKey: string, text: string, signature: string): boolean {
  const x = Buffer.from(publicKey, 'base64').toString('base64url');
  try {
    const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
    return verifyBytes(undefined, Buffer.from(text), key, Buffer.from(signature, 'base64'));
  } catch {
    return false; // no key, or no point of the curve
  }
}

function textOf(publicKey: KeyObject): string {
  const { x = '' } = publicKey.export({ format: 'jwk' });
  return Buffer.from(x, 'base64url').toString('base64');
}
