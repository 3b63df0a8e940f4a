// The schema of `sources:` in vlb.yaml, and of what base.template has in common with it: where templates are, and whose they are.

import * as v from 'valibot';
import { fields, isUrl, noList, text } from '../fields.ts';
import { fileName } from './machine.ts';

const INDEX_RULE = 'must be a path, or an http or https URL';
const KEYRING_RULE = 'must be the path of a file with public keys';
const FINGERPRINT_RULE = 'must be the fingerprint of a key, 40 hexadecimal digits';
const SOURCES_RULE = 'must be a mapping like "house: https://example.org/index.asc"';
const SOURCE_RULE = 'must be a path or a URL, or a mapping with index and keyring';

/** The name of a template: virt-builder(1). */
export const templateName = v.pipe(
  text('must be the name of a template, like debian-12'),
  v.regex(/^[-A-Za-z0-9._]+$/, 'must be the name of a template, like debian-12'),
);

export const indexPlace = v.pipe(
  text(INDEX_RULE),
  v.check((place) => place !== '' && (isUrl(place) || !place.includes('://')), INDEX_RULE),
  v.check((place) => !isUrl(place) || URL.canParse(place), INDEX_RULE),
);

export const keyring = v.pipe(
  text(KEYRING_RULE),
  v.check((path) => path !== '' && !path.includes('://'), KEYRING_RULE),
);

/** gpg prints them in groups of four. */
export const fingerprint = v.pipe(
  text(FINGERPRINT_RULE),
  v.check((given) => /^[0-9A-Fa-f]{40}$/.test(given.replaceAll(' ', '')), FINGERPRINT_RULE),
);

export const checksumsOnly = v.union(
  [v.literal(true), v.pipe(v.literal('true'))],
  'must be true, or left out: then the index must be signed',
);

export const TRUST_RULE =
  'requires keyring or fingerprint, of the key that the index is signed with; or checksums-only: true, to use it as it is';

interface Trust {
  readonly keyring?: string | undefined;
  readonly fingerprint?: string | undefined;
  readonly 'checksums-only'?: true | 'true' | undefined;
}

/** How many of the fields are there that say why an index is believed. */
export function trusts({ keyring: file, fingerprint: key, 'checksums-only': only }: Trust): number {
  return [file, key, only].filter((field) => field !== undefined).length;
}

const source = v.union(
  [
    v.pipe(
      indexPlace,
      v.check((place) => !isUrl(place), `is a URL, which ${TRUST_RULE}`),
    ),
    v.pipe(
      fields('sources.', SOURCE_RULE, {
        index: v.pipe(indexPlace, v.description('Path or URL of the index, as virt-builder has it.')),
        keyring: v.optional(
          v.pipe(keyring, v.description('Path of the OpenPGP public keys that may have signed the index.')),
        ),
        fingerprint: v.optional(
          v.pipe(
            fingerprint,
            v.description("Fingerprint of the key that has signed the index, in the user's keyring of gpg."),
          ),
        ),
        'checksums-only': v.optional(
          v.pipe(checksumsOnly, v.description('Use the index without checking a signature.')),
        ),
      }),
      v.check((one) => trusts(one) <= 1, 'has several of keyring, fingerprint and checksums-only: use one'),
      v.forward(
        v.check((one) => !isUrl(one.index) || trusts(one) === 1, `is a URL, which ${TRUST_RULE}`),
        ['index'],
      ),
    ),
  ],
  SOURCE_RULE,
);

export const sources = noList(v.record(fileName, source, SOURCES_RULE));
