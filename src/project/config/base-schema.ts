// The schema of `base:` in vlb.yaml.

import * as v from 'valibot';
import { parseSize } from '../../util/units.ts';
import { fields, isUrl, text } from './fields.ts';

const BASE_RULE = 'must be a path, or a mapping with url and sha256';
const DISK_SIZE_RULE = 'must be a size like 20G';
const PARTITION_RULE = 'must be the number of a partition';
const PLACE_RULE = 'must be a path, or an http or https URL';
const KEYRING_RULE = 'must be the path of a file with public keys';
const DIGEST = 'base.sha256, base.sha512 or base.checksums, to check the file';

const place = v.pipe(
  text(PLACE_RULE),
  v.check((place) => place !== '' && (isHttp(place) || !place.includes('://')), PLACE_RULE),
);

/** A path, or a mapping with where the image is and what is done with it. */
export const base = v.union(
  [
    v.pipe(
      text(),
      v.nonEmpty(BASE_RULE),
      v.check((path) => !isUrl(path), 'is a URL, which requires base.sha256: use base.url and base.sha256'),
    ),
    v.pipe(
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
            text(KEYRING_RULE),
            v.check((path) => path !== '' && !path.includes('://'), KEYRING_RULE),
            v.description(
              'Path of the OpenPGP public keys that may have signed the list; without signature, the list contains its own.',
            ),
          ),
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
              [
                v.pipe(v.string(), v.regex(/^[1-9]\d{0,2}$/, PARTITION_RULE)),
                v.pipe(v.number(), v.minValue(1)),
              ],
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
        v.check(
          ({ path, url }) => path === undefined || url === undefined,
          'cannot be combined with base.url',
        ),
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
          ({ keyring, checksums }) => keyring === undefined || checksums !== undefined,
          'requires base.checksums',
        ),
        ['keyring'],
      ),
      v.check(({ path, url }) => url !== undefined || (path !== undefined && path !== ''), BASE_RULE),
    ),
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
