// The format of records in the bucket: an envelope of the record's text and its signatures. Nothing in an envelope is
// trusted before it is checked.

import { createHash } from 'node:crypto';
import { type BuildRecord, furtherDisks, type Key, mainDisk } from '../../model/artifact.ts';
import { furtherParentsIn, parentIn } from '../../model/recipe.ts';
import { isNewerRecord, parseRecord, recordText } from '../../model/record.ts';
import { parseObject } from '../../util/json.ts';
import { isSignedBy, type Signer } from './signatures.ts';

/** The largest accepted envelope, bytes: a layer with a hundred thousand files has a record of 10 MB. */
export const MOST_BYTES = 256 * 2 ** 20;

interface Envelope {
  readonly schema: 1;
  /** The JSON of the record: signed as it is, so that it never has to be serialized identically. */
  readonly record: string;
  readonly signatures: readonly { readonly key: string; readonly signature: string }[];
}

/**
 * The envelope of a record, signed if there is a signer.
 * @param scope covered by the signature, so that the record is valid there only
 */
export function signRecord(record: BuildRecord, scope: string, signer: Signer | undefined): Buffer {
  const text = recordText(record);
  const signatures = signer ? [{ key: signer.publicKey, signature: signer.sign(signed(scope, text)) }] : [];
  const envelope: Envelope = { schema: 1, record: text, signatures };
  return Buffer.from(`${JSON.stringify(envelope)}\n`);
}

export interface Expected {
  readonly key: Key;
  readonly scope: string;
  /** If there are any, the record must be signed with one of them. */
  readonly trustedKeys: readonly string[];
}

/** The record in an envelope, or what is wrong with it, as a predicate: `is not signed`. */
export function openSigned(
  bytes: Buffer,
  { key, scope, trustedKeys }: Expected,
): { readonly record: BuildRecord } | { readonly wrong: string } {
  const envelope = parseEnvelope(bytes);
  if (!envelope) return { wrong: 'is damaged' };
  const { record: text, signatures } = envelope;
  if (trustedKeys.length > 0) {
    if (signatures.length === 0) return { wrong: 'is not signed' };
    const trusted = signatures.filter((one) => trustedKeys.includes(one.key));
    if (trusted.length === 0) return { wrong: 'is not signed with a key in cache: trusted-keys' };
    const isGenuine = trusted.some((one) => isSignedBy(one.key, signed(scope, text), one.signature));
    if (!isGenuine) return { wrong: 'has an invalid signature' };
  }
  const record = parseRecord(text);
  if (!record) return { wrong: isNewerRecord(text) ? 'was written by a newer vlb' : 'is damaged' };
  // The key is the hash of the recipe, which names the layer's parent: see src/plan/key.ts.
  const isOfKey = record.key === key && createHash('sha256').update(record.recipe).digest('hex') === key;
  if (!isOfKey) return { wrong: 'belongs to another key' };
  if (!isShareable(record)) return { wrong: 'must not be shared' };
  if (!hasParentOfRecipe(record) || (record.parent && record.parent.keeping !== 'cached')) {
    return { wrong: 'names a different parent than its recipe' };
  }
  if (record.backing && record.backing.keeping !== 'cached') return { wrong: 'must not be shared' };
  return { record };
}

function hasParentOfRecipe({ recipe, parent }: BuildRecord): boolean {
  const further = furtherParentsIn(recipe);
  const named = parent ? furtherDisks(parent) : [];
  return (
    parentIn(recipe) === (parent ? mainDisk(parent).digest : undefined) &&
    named.length === further.size &&
    named.every(({ name, digest }) => further.get(name) === digest)
  );
}

/** `noshare` and `nocache` never leave the machine. */
export function isShareable({ artifact, noshare }: BuildRecord): boolean {
  return artifact.keeping === 'cached' && noshare === undefined;
}

function signed(scope: string, text: string): string {
  return `vlb record 1\nscope ${scope}\n${text}`;
}

function parseEnvelope(bytes: Buffer): Envelope | undefined {
  const { schema, record, signatures } = parseObject(bytes.toString()) ?? {};
  if (schema !== 1 || typeof record !== 'string' || !Array.isArray(signatures)) return undefined;
  const whole = signatures.every((one) => typeof one?.key === 'string' && typeof one?.signature === 'string');
  return whole ? { schema, record, signatures } : undefined;
}
