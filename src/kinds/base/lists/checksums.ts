// The digests of a base image in a list of checksums, like the SHA512SUMS of a distribution, whose signature is verified.

import path from 'node:path';
import { fail, ok, type Result } from '../../../model/failure.ts';
import type { ChecksumList, Digests } from '../../../model/project.ts';
import { LARGEST_TEXT, readFile } from '../../../project/inputs/read-file.ts';
import type { BaseInputs } from '../../kind.ts';
import { shownPlace } from '../place.ts';
import { readPlace, remembered } from './remembered.ts';

/**
 * The digests in a list, see {@link remembered}.
 * @param image the name of the image's file
 * @param files those places of the list that are files of this machine
 */
export async function listedDigests(
  image: string,
  list: ChecksumList,
  files: readonly string[],
  inputs: BaseInputs,
): Promise<Result<Digests>> {
  const about = { name: `checksums of ${inputs.name}`, origin: JSON.stringify([image, list]), files };
  return remembered(about, inputs, async () => {
    const text = await signedText(list, inputs);
    return text.ok ? digestsOf(image, text.value, list.source) : text;
  });
}

/** The text of a list: all of it, or with a keyring what is signed of it. */
async function signedText(
  { source, signature, keyring }: ChecksumList,
  inputs: BaseInputs,
): Promise<Result<string>> {
  const list = await readPlace(source, 'the list of checksums', inputs);
  if (!list.ok || keyring === undefined) return list.ok ? ok(list.value.toString()) : list;
  const detached =
    signature === undefined ? ok(undefined) : await readPlace(signature, 'the signature', inputs);
  if (!detached.ok) return detached;
  const keys = readFile(keyring, { what: 'the keyring', atMost: LARGEST_TEXT });
  if (!keys.ok) return keys;
  const signed = await inputs.verifySignature(list.value, detached.value, keys.value, inputs.signal);
  if (signed.ok) return ok(signed.value.toString());
  const { failure } = signed;
  if (failure.kind !== 'usage') return signed;
  return { ok: false, failure: { ...failure, where: { file: shownPlace(source) } } };
}

/** `HEX  NAME` or `HEX *NAME`, as sha512sum prints them, and `SHA512 (NAME) = HEX`, as BSD does. */
const GNU = /^\\?([0-9a-f]+)(?: [ *]|\t)(.+)$/i;
const BSD = /^SHA(?:256|512) ?\((.+)\) ?= ?([0-9a-f]+)$/i;

/**
 * The digests that a list has for a file of this name, in whatever directory.
 * @param place where the list is, for error messages
 */
export function digestsOf(image: string, list: string, place: string): Result<Digests> {
  const where = { file: shownPlace(place) };
  const found: { sha256?: string; sha512?: string } = {};
  for (const line of list.split(/\r?\n/)) {
    const [, name, digest] = BSD.exec(line) ?? swapped(GNU.exec(line));
    if (name === undefined || digest === undefined || path.posix.basename(name) !== image) continue;
    const algorithm = digest.length === 64 ? 'sha256' : digest.length === 128 ? 'sha512' : undefined;
    if (algorithm === undefined) continue;
    const hex = digest.toLowerCase();
    if (found[algorithm] !== undefined && found[algorithm] !== hex) {
      return fail('usage', `the list has several checksums of ${image}`, { where });
    }
    found[algorithm] = hex;
  }
  if (found.sha256 !== undefined || found.sha512 !== undefined) return ok(found);
  return fail('usage', `the list has no SHA-256 or SHA-512 of ${image}`, {
    where,
    hint: 'check base.checksums and the name of the image in vlb.yaml',
  });
}

function swapped(match: RegExpExecArray | null): readonly (string | undefined)[] {
  return match ? [match[0], match[2], match[1]] : [];
}
