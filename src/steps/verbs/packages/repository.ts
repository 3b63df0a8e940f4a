// repository: adds one, with the key that signs it.

import * as v from 'valibot';
import { fetched } from '../../../distro/fetch.ts';
import { packageManagerOf } from '../../../distro/packages/manager.ts';
import { isArmored, keyFingerprints } from '../../../distro/packages/openpgp.ts';
import { KEPT, type Repository } from '../../../distro/packages/port.ts';
import { fail, ok, type Result } from '../../../model/failure.ts';
import { asList, layerPath, mapping, oneOrMany, pattern } from '../../fields.ts';
import { cleanPath, exactly, fileWord } from '../../layer-files.ts';
import { defineVerb, type LayerFiles } from '../../verb.ts';

const WORD = 'must be one word';

const KEY = v.union(
  [
    mapping({
      file: layerPath(),
      fingerprint: pattern(
        'must be the fingerprint of a key: 40 or 64 hexadecimal digits',
        /^(?:[0-9A-Fa-f] *){40}$|^(?:[0-9A-Fa-f] *){64}$/,
      ),
    }),
    mapping({
      url: pattern('must be a URL', /^https?:\/\/[^\s\0]+$/),
      sha256: pattern('must be a SHA-256: 64 hexadecimal digits', /^[0-9A-Fa-f]{64}$/),
    }),
  ],
  'must be a mapping with "file" and "fingerprint", or with "url" and "sha256"',
);

export const REPOSITORY = defineVerb({
  name: 'repository',
  summary:
    'Adds a package repository and its key: a file of the layer that has a fingerprint, or a URL with a SHA-256. Debian’s need `suites`, by default that of the image, and `components`, by default `main`',
  examples: [
    `repository:
  name: example
  url: https://packages.example.org/debian
  components: [main, contrib]
  key:
    url: https://packages.example.org/key.asc
    sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08`,
  ],
  schema: mapping({
    name: pattern('must be letters, digits, dots, dashes', /^[A-Za-z0-9][A-Za-z0-9._-]*$/),
    url: pattern('must be a URL', /^(?:https?|ftp|file):\/\/[^\s\0]+$/),
    suites: v.optional(oneOrMany('must be a suite', pattern(WORD, /^[A-Za-z0-9._/-]+$/))),
    components: v.optional(oneOrMany('must be a component', pattern(WORD, /^[A-Za-z0-9._/-]+$/))),
    key: KEY,
  }),
  title: ({ name }) => name,
  reads: ({ key }) => ('file' in key ? [exactly(key.file)] : []),
  cacheDirs: ({ key }) => ('file' in key ? [] : [KEPT]),
  compile(args, { distribution, files }) {
    const manager = packageManagerOf(distribution);
    if (!manager.ok) return manager;
    const key = keyOf(args.key, files);
    if (!key.ok) return key;
    const { codename } = distribution;
    const suites = args.suites ?? (codename === undefined ? [] : [codename]);
    const shell = manager.value.addRepository({
      name: args.name,
      url: args.url,
      suites: asList(suites),
      components: asList(args.components ?? 'main'),
      ...key.value,
    });
    return shell.ok ? ok({ shell: shell.value }) : shell;
  },
});

type Key = Pick<Repository, 'keyName' | 'fingerprint' | 'isKeyArmored' | 'putKey'>;

/** The key. Fails as `usage` when its file has another one. */
function keyOf(key: v.InferOutput<typeof KEY>, files: LayerFiles): Result<Key> {
  if (!('file' in key)) {
    return ok({
      keyName: key.url.replace(/[?#].*$/, '').replace(/^.*\//, ''),
      fingerprint: undefined,
      isKeyArmored: !/\.(?:gpg|pgp|bin)$/.test(key.url),
      putKey: (path) => `${fetched(key.url, key.sha256.toLowerCase())}\ncp "$file" ${path}`,
    });
  }
  const content = files.read(cleanPath(key.file));
  if (!content.ok) return content;
  const expected = key.fingerprint.replaceAll(' ', '').toUpperCase();
  const found = keyFingerprints(content.value);
  const others = found?.filter((fingerprint) => fingerprint !== expected) ?? [];
  if (found === undefined) return fail('usage', `${key.file} is not a file of OpenPGP keys`);
  if (others.length > 0) {
    return fail('usage', `${key.file} has the key ${others[0]}, not ${expected}`, {
      hint: 'compare the fingerprint with the one that the repository’s owner publishes',
    });
  }
  return ok({
    keyName: cleanPath(key.file).replace(/^.*\//, ''),
    fingerprint: expected,
    isKeyArmored: isArmored(content.value),
    putKey: (path) => `cp ${fileWord(key.file)} ${path}`,
  });
}
