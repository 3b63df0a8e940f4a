// The schema of `base:` in vlb.yaml.

import * as v from 'valibot';
import { parseSize } from '../../../util/units.ts';
import { fields, isUrl, text } from '../fields.ts';
import { installer } from './installer.ts';
import {
  checksumsOnly,
  fingerprint,
  indexPlace,
  keyring,
  TRUST_RULE,
  templateName,
  trusts,
} from './sources.ts';

const BASE_RULE =
  'must be a path, or a mapping with url and sha256, with template and source, or with installer and size';
const DISK_SIZE_RULE = 'must be a size like 20G';
const ANSWERS_RULE = 'must be the path of a file';
const PARTITION_RULE = 'must be the number of a partition';
const PLACE_RULE = 'must be a path, or an http or https URL';
const DIGEST = 'base.sha256, base.sha512 or base.checksums, to check the file';

const place = v.pipe(
  text(PLACE_RULE),
  v.check((place) => place !== '' && (isHttp(place) || !place.includes('://')), PLACE_RULE),
);

const mapping = v.pipe(
  fields('base.', BASE_RULE, {
    path: v.optional(
      v.pipe(
        text(),
        v.check((path) => !isUrl(path) || isHttp(path), 'must be a path or a valid URL'),
        v.description('Path of an image file, relative to the project; docs/images.md has the formats.'),
      ),
    ),
    url: v.optional(
      v.pipe(
        text(),
        v.check(isHttp, 'must be an http or https URL'),
        v.description('URL of an image file, in the same formats. Requires sha256, sha512 or checksums.'),
      ),
    ),
    sha256: v.optional(
      v.pipe(
        text(),
        v.regex(/^[0-9A-Fa-f]{64}$/, 'must be 64 hexadecimal digits'),
        v.description('SHA-256 of the file, before it is unpacked.'),
      ),
    ),
    sha512: v.optional(
      v.pipe(
        text(),
        v.regex(/^[0-9A-Fa-f]{128}$/, 'must be 128 hexadecimal digits'),
        v.description('SHA-512 of the file, before it is unpacked.'),
      ),
    ),
    checksums: v.optional(
      v.pipe(
        place,
        v.description('Path or URL of a list with the SHA-256 or SHA-512 of the file, like SHA512SUMS.'),
      ),
    ),
    signature: v.optional(
      v.pipe(
        place,
        v.description('Path or URL of a detached OpenPGP signature of the list. Requires keyring.'),
      ),
    ),
    keyring: v.optional(
      v.pipe(
        keyring,
        v.description(
          'Path of the OpenPGP public keys that may have signed the list or the index; without signature, it contains its own.',
        ),
      ),
    ),
    template: v.optional(
      v.pipe(templateName, v.description('Name of a template. Requires source. `vlb templates` lists them.')),
    ),
    source: v.optional(
      v.pipe(
        indexPlace,
        v.description('Where the template is: a name of `sources:`, or the path or URL of an index.'),
      ),
    ),
    installer: v.optional(
      v.pipe(
        installer,
        v.description("A distribution's own installer, which makes the disk. Requires size."),
      ),
    ),
    answers: v.optional(
      v.pipe(
        text(ANSWERS_RULE),
        v.check((path) => path !== '' && !path.includes('://'), ANSWERS_RULE),
        v.description(
          'Path of the answers to the questions of the installer: a preseed file or a kickstart.',
        ),
      ),
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
    size: v.optional(
      v.pipe(
        text(DISK_SIZE_RULE),
        v.check((size) => parseSize(size) !== undefined && /[a-z]$/i.test(size), DISK_SIZE_RULE),
        v.description(
          'Size of the disk, like 20G: it grows when it is imported, with its last partition and the file system there.',
        ),
      ),
    ),
    expand: v.optional(
      v.pipe(
        v.union(
          [v.pipe(v.string(), v.regex(/^[1-9]\d{0,2}$/, PARTITION_RULE)), v.pipe(v.number(), v.minValue(1))],
          PARTITION_RULE,
        ),
        v.description('Number of the partition that grows with the disk, if that is not the last one.'),
      ),
    ),
  }),
  v.forward(
    v.check(({ size, expand }) => expand === undefined || size !== undefined, 'requires base.size'),
    ['expand'],
  ),
  v.forward(
    v.check(({ path, url }) => path === undefined || url === undefined, 'cannot be combined with base.url'),
    ['path'],
  ),
  v.forward(
    v.check((base) => base.url === undefined || hasDigest(base), `requires ${DIGEST}`),
    ['url'],
  ),
  v.forward(
    v.check((base) => !isUrl(base.path ?? '') || hasDigest(base), `is a URL, which requires ${DIGEST}`),
    ['path'],
  ),
  v.forward(
    v.check(
      ({ checksums, sha256, sha512 }) => checksums === undefined || (sha256 ?? sha512) === undefined,
      'cannot be combined with base.sha256 and base.sha512',
    ),
    ['checksums'],
  ),
  v.forward(
    v.check(
      ({ checksums = '', keyring }) => keyring !== undefined || !isOpenHttp(checksums),
      'is a URL without encryption, which requires base.keyring: anyone on the network can change the list',
    ),
    ['checksums'],
  ),
  v.forward(
    v.check(
      ({ signature, keyring }) => signature === undefined || keyring !== undefined,
      'requires base.keyring',
    ),
    ['signature'],
  ),
  v.forward(
    v.check(
      ({ keyring, checksums, template }) => keyring === undefined || (checksums ?? template) !== undefined,
      'requires base.checksums',
    ),
    ['keyring'],
  ),
  v.check(
    ({ path, url, template, installer }) =>
      (url ?? template ?? installer) !== undefined || (path !== undefined && path !== ''),
    BASE_RULE,
  ),
);

type Mapping = v.InferOutput<typeof mapping>;

/** What an image has, and a template brings. */
const IMAGE_FIELDS = ['path', 'url', 'sha256', 'sha512', 'checksums', 'signature'] as const;
const TEMPLATE_FIELDS = ['source', 'fingerprint', 'checksums-only'] as const;

/** What belongs together. Whose template it is, is said once: here, or with the source that this names. */
const checked = v.pipe(
  mapping,
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const problem = installerProblem(dataset.value) ?? templateProblem(dataset.value);
    if (problem === undefined) return;
    const [key, message] = problem;
    const value = dataset.value[key];
    addIssue({ message, path: [{ type: 'object', origin: 'value', input: dataset.value, key, value }] });
  }),
);

function installerProblem(given: Mapping): readonly [keyof Mapping, string] | undefined {
  if (given.installer === undefined) {
    return given.answers === undefined ? undefined : ['answers', 'requires base.installer'];
  }
  if (given.size === undefined) return ['installer', 'requires base.size'];
  const others = [...IMAGE_FIELDS, 'expand', 'keyring', 'template'] as const;
  const other = others.find((name) => given[name] !== undefined);
  return other && [other, 'cannot be combined with base.installer'];
}

function templateProblem(given: Mapping): readonly [keyof Mapping, string] | undefined {
  if (given.template === undefined) {
    const alone = TEMPLATE_FIELDS.find((name) => given[name] !== undefined);
    return alone && [alone, 'requires base.template'];
  }
  if (given.source === undefined) return ['template', 'requires base.source'];
  const other = IMAGE_FIELDS.find((name) => given[name] !== undefined);
  if (other !== undefined) return [other, 'cannot be combined with base.template'];
  if (trusts(given) > 1) {
    return ['source', 'has several of base.keyring, base.fingerprint and base.checksums-only: use one'];
  }
  return isUrl(given.source) && trusts(given) === 0 ? ['source', `is a URL, which ${TRUST_RULE}`] : undefined;
}

/** A path, or a mapping with where the image is and what is done with it. */
export const base = v.union(
  [
    v.pipe(
      text(),
      v.nonEmpty(BASE_RULE),
      v.check((path) => !isUrl(path), 'is a URL, which requires base.sha256: use base.url and base.sha256'),
    ),
    checked,
  ],
  BASE_RULE,
);

function isHttp(text: string): boolean {
  return URL.canParse(text) && /^https?:$/.test(new URL(text).protocol);
}

/** Whether a place is a URL of another machine without encryption. */
function isOpenHttp(place: string): boolean {
  return isUrl(place) && !/^https:|^http:\/\/(localhost|127\.[\d.]+|\[::1\])([:/]|$)/i.test(place);
}

function hasDigest(base: {
  sha256?: string | undefined;
  sha512?: string | undefined;
  checksums?: string | undefined;
}) {
  return (base.sha256 ?? base.sha512 ?? base.checksums) !== undefined;
}
