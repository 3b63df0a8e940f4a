// Where the digests of a base come from: vlb.yaml, or a list of checksums.

import { ok, type Result } from '../../../model/failure.ts';
import type { Base, ChecksumList, Digests } from '../../../model/project.ts';
import type { BaseInputs } from '../../kind.ts';
import { fileNameOf, isRemote } from '../place.ts';

/** A base whose place vlb.yaml has. */
type ImageBase = Extract<Base, { type: 'file' | 'url' }>;

/** The files of this machine from which the digests of a base are read. */
export function digestFiles({ checksums }: ImageBase): readonly string[] {
  return checksums === undefined ? [] : filesOf(checksums);
}

function filesOf({ source, signature, keyring }: ChecksumList): readonly string[] {
  return [source, signature, keyring]
    .filter((place) => place !== undefined)
    .filter((place) => !isRemote(place));
}

/** The digests that the image of a base must have. Fails as `usage` or `host` when they cannot be read or verified. */
export async function expectedDigests(base: ImageBase, inputs: BaseInputs): Promise<Result<Digests>> {
  const { sha256, sha512, checksums } = base;
  if (checksums === undefined) return ok({ ...(sha256 && { sha256 }), ...(sha512 && { sha512 }) });
  const { listedDigests } = await import('./checksums.ts');
  return listedDigests(
    fileNameOf(base.type === 'url' ? base.url : base.path),
    checksums,
    filesOf(checksums),
    inputs,
  );
}
