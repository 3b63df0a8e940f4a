// vlb.yaml: what it may say, and which line and field a complaint names.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import type { Failure } from '../../../../src/model/failure.ts';
import { loadConfig } from '../../../../src/project/config/config.ts';
import { failureIn, Tree, valueIn } from '../../../rig/tree.ts';

const SHA = '0123456789abcdef'.repeat(4);
const KEY = `${'A'.repeat(43)}=`;
const DIGITS = `${'0123456789'.repeat(6)}0123`;

async function load(text: string) {
  using tree = new Tree({ 'vlb.yaml': text });
  return { directory: tree.directory, result: await loadConfig(tree.directory) };
}

/** The failure, which has to be of the project's kind and in the file at this line. */
async function complaint(text: string, line: number): Promise<Failure> {
  const { directory, result } = await load(text);
  const failure = failureIn(result);
  assert.equal(failure.kind, 'usage');
  assert.deepEqual(failure.where, { file: `${directory}/vlb.yaml`, line }, failure.message);
  return failure;
}

describe('nothing configured', () => {
  test('no file', async () => {
    using tree = new Tree();
    assert.deepEqual(valueIn(await loadConfig(tree.directory)), {});
  });

  for (const text of ['', '\n', '# only a comment\n', '---\n', '{}\n']) {
    test(JSON.stringify(text), async () => assert.deepEqual(valueIn((await load(text)).result), {}));
  }
});

describe('a base', () => {
  test('is a path, relative to the project', async () => {
    const { directory, result } = await load('base: images/debian.qcow2\n');
    assert.deepEqual(valueIn(result), { base: { type: 'file', path: `${directory}/images/debian.qcow2` } });
  });

  test('is a path with its sha256, in small letters', async () => {
    const { result } = await load(`base:\n  path: /srv/debian.raw\n  sha256: ${SHA.toUpperCase()}\n`);
    assert.deepEqual(valueIn(result), { base: { type: 'file', path: '/srv/debian.raw', sha256: SHA } });
  });

  test('is a url with its sha256', async () => {
    const { result } = await load(`base: {url: "https://example.org/a.qcow2", sha256: ${SHA}}`);
    assert.deepEqual(valueIn(result), {
      base: { type: 'url', url: 'https://example.org/a.qcow2', sha256: SHA },
    });
  });

  test('may have its url where a path stands', async () => {
    const { result } = await load(`base:\n  path: http://example.org/a\n  sha256: ${SHA}\n`);
    assert.deepEqual(valueIn(result), { base: { type: 'url', url: 'http://example.org/a', sha256: SHA } });
  });

  for (const sha256 of [DIGITS, `${'1'.repeat(30)}e${'2'.repeat(33)}`, '0'.repeat(64)]) {
    test(`keeps an unquoted checksum that is a number to YAML: ${sha256.slice(25, 36)}`, async () => {
      const { result, directory } = await load(`base:\n  path: a\n  sha256: ${sha256}\n`);
      assert.deepEqual(valueIn(result).base, { type: 'file', path: path.join(directory, 'a'), sha256 });
    });
  }
});

test('the digests of a base, and where they are', async () => {
  const base = async (text: string) => {
    const { result, directory } = await load(`base:\n${text}`);
    return JSON.parse(JSON.stringify(valueIn(result).base).replaceAll(directory, ''));
  };
  const url = 'https://example.org/a';
  assert.deepEqual(await base(`  url: ${url}\n  sha512: ${SHA.toUpperCase()}${SHA}\n`), {
    type: 'url',
    url,
    sha512: SHA + SHA,
  });
  assert.deepEqual(
    await base(`  url: ${url}\n  checksums: ${url}/SUMS\n  signature: s.gpg\n  keyring: /keys/k.gpg\n`),
    { type: 'url', url, checksums: { source: `${url}/SUMS`, signature: '/s.gpg', keyring: '/keys/k.gpg' } },
  );
  assert.deepEqual(await base('  path: a\n  checksums: http://localhost:80/S\n'), {
    type: 'file',
    path: '/a',
    checksums: { source: 'http://localhost:80/S' },
  });
});

test('the size of a base, and the partition that grows', async () => {
  const growth = async (text: string) =>
    valueIn((await load(`base:\n  path: a\n${text}`)).result).base?.growth;
  assert.deepEqual(await growth('  size: 20G\n'), { size: 20 * 2 ** 30 });
  assert.deepEqual(await growth('  size: 1.5T\n  expand: 2\n'), { size: 1.5 * 2 ** 40, expand: 2 });
  assert.equal(await growth(''), undefined);
});

describe('the limits of the store', () => {
  test('one, both, and none', async () => {
    const limits = async (text: string) => valueIn((await load(text)).result).cache;
    assert.deepEqual(await limits('cache:\n  max-size: 20G\n'), { maxBytes: 20 * 2 ** 30 });
    assert.deepEqual(await limits('cache: {max-size: none, max-age: 30d}'), {
      maxBytes: undefined,
      maxAge: 30 * 86_400,
    });
    assert.deepEqual(await limits('cache: {max-size: 0}'), { maxBytes: 0 });
    assert.equal(await limits('base: x\n'), undefined);
  });

  test('beside a base', async () => {
    const config = valueIn((await load('cache: {max-age: 1d}\nbase: a\n')).result);
    assert.deepEqual([config.base?.type, config.cache], ['file', { maxAge: 86_400 }]);
  });
});

describe('complaints', () => {
  test('a syntax error has its line', async () => {
    assert.match((await complaint('# a comment\nbase: [a,\n', 3)).message, /^vlb\.yaml: /);
    await complaint('base: a\n\nbase: b\n', 3);
  });

  for (const [text, line, message] of [
    ['- a\n', 1, /^vlb\.yaml: must be a mapping/],
    ['just words\n', 1, /^vlb\.yaml: must be a mapping/],
    ['\nbase: {}\nbsae: x\n', 3, /^vlb\.yaml: unknown field "bsae" \(did you mean "base"\?\)$/],
    [
      'frobnicate: x\n',
      1,
      /unknown field "frobnicate" \(valid fields: base, images, machines, sources, cache, backend, vm, include\)$/,
    ],
    ['base:\n  pth: x\n', 2, /unknown field "base\.pth" \(did you mean "base\.path"\?\)$/],
    ['base:\n  path: a\n  sha265: x\n', 3, /unknown field "base\.sha265" \(did you mean "base\.sha256"\?\)$/],
    [
      'base:\n',
      1,
      /: base must be a path, or a mapping with url and sha256, with template and source, or with installer and size$/,
    ],
    [
      'base: ""\n',
      1,
      /: base must be a path, or a mapping with url and sha256, with template and source, or with installer and size$/,
    ],
    [
      'base: [a, b]\n',
      1,
      /: base must be a path, or a mapping with url and sha256, with template and source, or with installer and size$/,
    ],
    ['base: [{path: a}]\n', 1, /: base must be a path/],
    ['images: [10_a]\n', 1, /: images must be a mapping/],
    ['cache: [s3]\n', 1, /: cache must be a mapping/],
    ['images: {constructor: 10_a}\n', 1, /: images\.constructor is a reserved name/],
    ['__proto__: {}\n', 1, /unknown field "__proto__"/],
    [
      'base: true\n',
      1,
      /: base must be a path, or a mapping with url and sha256, with template and source, or with installer and size$/,
    ],
    [
      'base: {}\n',
      1,
      /: base must be a path, or a mapping with url and sha256, with template and source, or with installer and size$/,
    ],
    ['base:\n  path: [a]\n', 2, /: base\.path must be a string$/],
    ['base:\n  path:\n', 2, /: base\.path must be a string$/],
    [`\nbase:\n  path: a\n  sha256: ${SHA.slice(1)}\n`, 4, /: base\.sha256 must be 64 hexadecimal digits/],
    [`base:\n  path: a\n  sha256: ${SHA.slice(1)}g\n`, 3, /: base\.sha256 must be 64 hexadecimal digits/],
    ['base: https://example.org/a.qcow2\n', 1, /: base is a URL, which requires base\.sha256/],
    ['base:\n  path: http://example.org/a\n', 2, /: base\.path is a URL, which requires base\.sha256/],
    ['base:\n  url: https://example.org/a.qcow2\n', 2, /: base\.url requires base\.sha256/],
    [`base:\n  sha256: ${SHA}\n  url: ftp://example.org/a\n`, 3, /base\.url must be an http or https URL/],
    [`base:\n  sha256: ${SHA}\n  url: here\n`, 3, /base\.url must be an http or https URL/],
    [`base:\n  path: a\n  sha512: ${SHA}\n`, 3, /: base\.sha512 must be 128 hexadecimal digits/],
    [
      `base:\n  path: a\n  sha256: ${SHA}\n  checksums: S\n`,
      4,
      /base\.checksums cannot be combined with base\.sha256/,
    ],
    [
      'base:\n  path: a\n  checksums: ftp://a/S\n',
      3,
      /base\.checksums must be a path, or an http or https URL/,
    ],
    [
      'base:\n  url: https://a/a\n  checksums: http://a.example/S\n',
      3,
      /base\.checksums is a URL without encryption, which requires base\.keyring/,
    ],
    ['base:\n  path: a\n  checksums: S\n  signature: G\n', 4, /base\.signature requires base\.keyring/],
    ['base:\n  path: a\n  keyring: K\n', 3, /base\.keyring requires base\.checksums/],
    [
      'base:\n  path: a\n  checksums: S\n  keyring: https://a/K\n',
      4,
      /base\.keyring must be the path of a file with public keys/,
    ],
    ['base:\n  path: a\n  size: big\n', 3, /: base\.size must be a size like 20G$/],
    ['base:\n  path: a\n  size: 20\n', 3, /: base\.size must be a size like 20G$/],
    ['base:\n  path: a\n  expand: 2\n', 3, /: base\.expand requires base\.size$/],
    ['base:\n  path: a\n  size: 1G\n  expand: 0\n', 4, /: base\.expand must be the number of a partition$/],
    ['cache: 20G\n', 1, /: cache must be a mapping with max-size, max-age, s3 or trusted-keys$/],
    ['cache:\n', 1, /: cache must be a mapping with max-size, max-age, s3 or trusted-keys$/],
    ['cache:\n  max-size: 20\n', 2, /cache\.max-size must be a size like 20G, or none/],
    ['cache:\n  max-size: [1G]\n', 2, /cache\.max-size must be a size/],
    ['cache:\n  max-size: 1G\n  max-age: 30\n', 3, /cache\.max-age must be an age like 30d, or none/],
    ['cache:\n  s3: team\n', 2, /: cache\.s3 must be a mapping with a bucket$/],
    ['cache:\n  s3:\n', 2, /: cache\.s3 must be a mapping/],
    ['cache:\n  s3:\n    prefix: a\n', 2, /cache\.s3\.bucket is missing/],
    [
      'cache:\n  s3:\n    buckit: a\n',
      3,
      /unknown field "cache\.s3\.buckit" \(did you mean "cache\.s3\.bucket"\?\)$/,
    ],
    ['cache:\n  s3:\n    bucket: a/b\n', 3, /cache\.s3\.bucket must be the name of a bucket/],
    [
      'cache:\n  s3:\n    bucket: team\n    prefix: /a\n',
      4,
      /cache\.s3\.prefix must be names separated by slashes/,
    ],
    ['cache:\n  s3:\n    bucket: team\n    prefix: a/../b\n', 4, /cache\.s3\.prefix must be names/],
    ['cache:\n  s3:\n    bucket: team\n    endpoint: s3.local\n', 4, /cache\.s3\.endpoint must be the URL/],
    [
      'cache:\n  s3:\n    bucket: team\n    endpoint: http://a:b@c\n',
      4,
      /cache\.s3\.endpoint must be the URL/,
    ],
    [
      'cache:\n  s3:\n    bucket: team\n    region: [a]\n',
      4,
      /cache\.s3\.region must be the name of a region/,
    ],
    [
      'cache:\n  s3:\n    bucket: team\n    path-style: on\n',
      4,
      /cache\.s3\.path-style must be true or false/,
    ],
    [`cache:\n  trusted-keys: [${KEY}]\n`, 2, /cache\.trusted-keys requires cache\.s3$/],
    ['cache:\n  s3: {bucket: team}\n  trusted-keys: []\n', 3, /cache\.trusted-keys is empty/],
    [
      `cache:\n  s3: {bucket: team}\n  trusted-keys: ${KEY}\n`,
      3,
      /cache\.trusted-keys must be a list of public/,
    ],
    ['cache:\n  s3: {bucket: team}\n  trusted-keys:\n    - abc\n', 4, /cache\.trusted-keys must be a list/],
    ['cache:\n  max-sise: 1G\n', 2, /unknown field "cache\.max-sise" \(did you mean "cache\.max-size"\?\)$/],
    [
      `base:\n  path: a\n  url: https://example.org/a\n  sha256: ${SHA}\n`,
      2,
      /: base\.path cannot be combined with base\.url$/,
    ],
  ] as const) {
    test(JSON.stringify(text), async () => assert.match((await complaint(text, line)).message, message));
  }

  test('a directory of that name is a failure, no crash', async () => {
    using tree = new Tree();
    mkdirSync(tree.path('vlb.yaml'));
    assert.equal(failureIn(await loadConfig(tree.directory)).where?.file, tree.path('vlb.yaml'));
  });
});

describe('images', () => {
  test('are layers by the names of the images, each with its place', async () => {
    const { directory, result } = await load(
      'images:\n  web: 30_web\n  db-2: { layer: db, params: { ROLE: 5, X: "" } }\n',
    );
    const file = `${directory}/vlb.yaml`;
    assert.deepEqual(valueIn(result), {
      images: [
        { name: 'web', layer: '30_web', params: new Map(), where: { file, line: 2 } },
        {
          name: 'db-2',
          layer: 'db',
          params: new Map([
            ['ROLE', '5'],
            ['X', ''],
          ]),
          where: { file, line: 3 },
        },
      ],
    });
  });

  test('may have checks, with options of test boots', async () => {
    const { directory, result } = await load(
      'images:\n  web:\n    layer: 30_web\n    checks:\n      - systemctl is-active x\n' +
        '      - { run: "true", memory: 2G, cpus: 4, firmware: uefi, timeout: 5m }\n',
    );
    const where = (line: number) => ({ file: `${directory}/vlb.yaml`, line });
    assert.deepEqual(valueIn(result).images?.[0]?.checks, [
      { run: 'systemctl is-active x', where: where(5) },
      { run: 'true', memory: 2 ** 31, cpus: 4, uefi: true, timeout: 300, where: where(6) },
    ]);
  });

  for (const [checks, says] of [
    ['true', /: images\.web\.checks must be a list of commands/],
    ['[[a]]', /: images\.web\.checks must be a list of commands/],
    ['[""]', /: images\.web\.checks must be a list of commands/],
    ['[{ cpus: 1 }]', /: images\.web\.checks\.run is missing/],
    ['[{ run: a, ran: b }]', /unknown field "ran" \(did you mean "run"\?\)/],
    ['[{ run: a, memory: 1 }]', /: images\.web\.checks\.memory must be a size like 2G/],
    ['[{ run: a, timeout: soon }]', /: images\.web\.checks\.timeout must be a time like 90s or 5m/],
  ] as const) {
    test(`cannot have the checks ${checks}`, async () => {
      const { message } = await complaint(`images:\n  web:\n    layer: x\n    checks: ${checks}\n`, 4);
      assert.match(message, says);
    });
  }

  for (const [name, says] of [
    ['image', /is the name of the default image/],
    ['20_app', /looks like a layer/],
    [`"${'a'.repeat(64)}"`, /looks like a digest/],
    ['../evil', /is not a valid file name/],
    ['a b', /is not a valid file name/],
    ['.hidden', /is not a valid file name/],
    ['""', /is not a valid file name/],
    ['web.qcow2', /use web$/],
  ] as const) {
    test(`cannot be called ${name}`, async () => {
      const { message } = await complaint(`# first\nimages:\n  ${name}: 10_a\n`, 3);
      assert.match(message, says);
    });
  }

  test('want a mapping of names', async () => {
    assert.match((await complaint('images: web\n', 1)).message, /: images must be a mapping/);
    assert.match(
      (await complaint('images:\n  web:\n', 2)).message,
      /: images\.web must be the name of a layer, or a mapping with layer and params$/,
    );
    assert.match((await complaint('images:\n  web: [a]\n', 2)).message, /: images\.web must be the name/);
    await complaint('images:\n  web: 10_a\n  web: 20_b\n', 3);
  });
});

describe('a shared cache', () => {
  test('is a bucket, and no more has to be said', async () => {
    const { result } = await load('cache:\n  s3:\n    bucket: team.images\n');
    assert.deepEqual(valueIn(result).shared, {
      bucket: {
        bucket: 'team.images',
        prefix: '',
        endpoint: undefined,
        region: undefined,
        pathStyle: false,
      },
      trustedKeys: [],
    });
  });

  test('may be on a server of one’s own, which is spoken to in path style, and want signatures', async () => {
    const server =
      's3:\n    bucket: team\n    prefix: a/b\n    endpoint: https://s3.local:8000\n    region: here\n';
    const { result } = await load(`cache:\n  max-size: 1G\n  ${server}  trusted-keys:\n    - ${KEY}\n`);
    const { cache, shared } = valueIn(result);
    assert.deepEqual(cache, { maxBytes: 2 ** 30 });
    assert.deepEqual(shared, {
      bucket: {
        bucket: 'team',
        prefix: 'a/b',
        endpoint: 'https://s3.local:8000',
        region: 'here',
        pathStyle: true,
      },
      trustedKeys: [KEY],
    });
  });

  for (const style of ['true', 'false']) {
    test(`with path-style: ${style}`, async () => {
      const { result } = await load(
        `cache: {s3: {bucket: team, endpoint: "http://a", path-style: ${style}}}\n`,
      );
      assert.equal(String(valueIn(result).shared?.bucket.pathStyle), style);
    });
  }
});
