// download: a file of the network, whose digest is known.

import * as v from 'valibot';
import { fetched } from '../../../distro/fetch.ts';
import { KEPT } from '../../../distro/packages/port.ts';
import { ok } from '../../../model/failure.ts';
import { quoteCommand, quoteWord } from '../../../util/quote.ts';
import { imagePathBelowRoot, mapping, mode, owner, pattern } from '../../fields.ts';
import { makeParent, setAttributes } from '../../image-files.ts';
import { defineVerb } from '../../verb.ts';

export const DOWNLOAD = defineVerb({
  name: 'download',
  summary:
    'Downloads a file with curl or wget of the image and checks its SHA-256; with `extract`, unpacks a tar or zip archive into the directory `to`',
  examples: [
    `download:
  url: https://example.org/app-1.4
  sha256: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
  to: /usr/local/bin/app
  mode: 0755`,
    `download:
  url: https://example.org/app-1.4.tar.gz
  sha256: 60303ae22b998861bce3b28f33eec1be758a213c86c93c076dbe9f558c11c752
  to: /opt/app
  extract: true`,
  ],
  schema: v.pipe(
    mapping({
      url: pattern('must be a URL', /^https?:\/\/[^\s\0]+$/),
      sha256: pattern('must be a SHA-256: 64 hexadecimal digits', /^[0-9A-Fa-f]{64}$/),
      to: imagePathBelowRoot(),
      extract: v.optional(v.boolean('must be true or false')),
      mode: v.optional(mode()),
      owner: v.optional(owner()),
    }),
    v.check(({ to, extract }) => extract === true || !to.endsWith('/'), '"to" must be the name of a file'),
    v.check(
      ({ extract, mode, owner }) => extract !== true || (mode ?? owner) === undefined,
      'mode and owner are not for archives, whose files have modes of their own',
    ),
  ),
  version: 2,
  title: ({ url }) => url,
  cacheDirs: () => [KEPT],
  compile({ url, sha256, to, extract, ...attributes }) {
    const place = quoteWord(to);
    const unpack = /\.zip$/i.test(url.replace(/[?#].*$/, ''))
      ? `unzip -q -o "$file" -d ${place}`
      : // Without -o, the files would belong to whichever user has the numbers of the archive's.
        `tar -x -o -f "$file" -C ${place}`;
    return ok({
      shell: [
        fetched(url, sha256.toLowerCase()),
        ...(extract
          ? [quoteCommand(['mkdir', '-p', to]), unpack]
          : [...makeParent(to), `rm -f ${place}`, `cp "$file" ${place}`, ...setAttributes(to, attributes)]),
      ].join('\n'),
    });
  },
});
