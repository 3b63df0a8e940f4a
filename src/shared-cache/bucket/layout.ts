// The layout of the bucket:
//   <scope>/records/<key>.json              records, see signed-record.ts
//   <scope>/artifacts/<digest>.qcow2.zst    artifacts, compressed, immutable
//   <scope>/claims/<key>.json               what is being built, see claim-text.ts
//   <scope>/probe                           written to test write access

import type { Digest, Key } from '../../model/artifact.ts';

/** The scope that all builds read. */
export const TRUSTED = 'trusted';

/** Scopes: `trusted`, `untrusted`, or one below that. */
const SCOPE = '(trusted|untrusted(?:/[A-Za-z0-9][A-Za-z0-9._-]{0,99})?)';

export function isScope(text: string): boolean {
  return new RegExp(`^${SCOPE}$`).test(text);
}

export function recordName(scope: string, key: Key): string {
  return `${scope}/records/${key}.json`;
}

export function artifactName(scope: string, digest: Digest): string {
  return `${scope}/artifacts/${digest}.qcow2.zst`;
}

export function claimName(scope: string, key: Key): string {
  return `${scope}/claims/${key}.json`;
}

const CLAIM = new RegExp(`^${SCOPE}/claims/([0-9a-f]{64})\\.json$`);

/** The scope and key of a claim's name; undefined for any other name. */
export function parseClaimName(name: string): { readonly scope: string; readonly key: Key } | undefined {
  const [, scope = '', key = ''] = CLAIM.exec(name) ?? [];
  return scope === '' ? undefined : { scope, key: key as Key }; // matched by CLAIM
}

const RECORD = new RegExp(`^${SCOPE}/records/([0-9a-f]{64})\\.json$`);
const ARTIFACT = new RegExp(`^${SCOPE}/artifacts/([0-9a-f]{64})\\.qcow2\\.zst$`);

/** The scope and key of a record's name; undefined for any other name. */
export function parseRecordName(name: string): { readonly scope: string; readonly key: Key } | undefined {
  const [, scope = '', key = ''] = RECORD.exec(name) ?? [];
  return scope === '' ? undefined : { scope, key: key as Key }; // matched by RECORD
}

/** The scope and digest of an artifact's name; undefined for any other name. */
export function parseArtifactName(
  name: string,
): { readonly scope: string; readonly digest: Digest } | undefined {
  const [, scope = '', digest = ''] = ARTIFACT.exec(name) ?? [];
  return scope === '' ? undefined : { scope, digest: digest as Digest }; // matched by ARTIFACT
}
