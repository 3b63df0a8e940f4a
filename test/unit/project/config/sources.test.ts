// `sources:` of vlb.yaml, and bases that are templates.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadConfig } from '../../../../src/project/config/config.ts';
import { failureIn, Tree, valueIn } from '../../../rig/tree.ts';

const KEY = '0123456789ABCDEF0123456789abcdef01234567';
const URL = 'https://example.org/index.asc';

/** The configuration of a text, with paths relative to its directory. */
async function config(text: string) {
  using tree = new Tree({ 'vlb.yaml': text });
  const loaded = valueIn(await loadConfig(tree.directory));
  return JSON.parse(JSON.stringify(loaded).replaceAll(tree.directory, ''));
}

test('the password of an index is not part of its name', async () => {
  const { base } = await config(
    'base: { template: web, source: "https://me:secret@example.org/i", keyring: k }',
  );
  assert.equal(base.source.name, 'https://example.org/i');
  assert.equal(base.source.index, 'https://me:secret@example.org/i');
});

test('a template has a source, by its place or its name', async () => {
  assert.deepEqual((await config(`base: { template: web, source: ${URL}, keyring: k.gpg }`)).base, {
    type: 'template',
    template: 'web',
    source: { name: URL, index: URL, trust: { type: 'keyring', keyring: '/k.gpg' } },
  });
  assert.deepEqual((await config('base: { template: web, source: t/index, size: 10G, expand: 2 }')).base, {
    type: 'template',
    template: 'web',
    source: { name: 't/index', index: '/t/index', trust: { type: 'local' } },
    growth: { size: 10 * 2 ** 30, expand: 2 },
  });
  const spaced = KEY.replaceAll(/(.{4})/g, '$1 ').trim();
  const named = await config(
    `sources:\n  house: { index: ${URL}, fingerprint: ${spaced} }\n  any: { index: ${URL}, checksums-only: true }\nbase: { template: web, source: house }\n`,
  );
  const house = { name: 'house', index: URL, trust: { type: 'fingerprint', fingerprint: KEY.toUpperCase() } };
  assert.deepEqual(named.sources, [house, { name: 'any', index: URL, trust: { type: 'checksums-only' } }]);
  assert.deepEqual(named.base.source, house);
});

for (const [text, message] of [
  ['base: { template: web }', /base\.template requires base\.source$/],
  ['base: { source: index }', /base must be a path, or a mapping .* with installer and size$/],
  ['base: { path: a, source: index }', /base\.source requires base\.template$/],
  ['base: { path: a, fingerprint: 12 }', /base\.fingerprint must be the fingerprint of a key/],
  [`base: { path: a, fingerprint: ${KEY} }`, /base\.fingerprint requires base\.template$/],
  ['base: { template: web, source: index, path: a }', /base\.path cannot be combined with base\.template$/],
  ['base: { template: we/b, source: index }', /base\.template must be the name of a template/],
  ['base: { template: web, source: ftp://a/b }', /base\.source must be a path, or an http or https URL$/],
  [`base: { template: web, source: ${URL} }`, /base\.source is a URL, which requires keyring or fingerprint/],
  [`base: { template: web, source: i, keyring: k, fingerprint: ${KEY} }`, /has several of base\.keyring/],
  ['base: { template: web, source: i, checksums-only: false }', /base\.checksums-only must be true/],
  [
    'sources: { house: index }\nbase: { template: web, source: house, keyring: k }',
    /base\.source is house, whose keys are in sources\.house$/,
  ],
  ['sources: [a]', /sources must be a mapping like "house:/],
  ['sources: { house: [a] }', /sources\.house must be a path or a URL, or a mapping with index and keyring$/],
  [`sources: { house: ${URL} }`, /sources\.house is a URL, which requires keyring or fingerprint/],
  [`sources: { house: { index: ${URL} } }`, /sources\.house\.index is a URL, which requires keyring/],
  ['sources: { house: { idnex: a } }', /unknown field "sources\.idnex"/],
  [
    `sources: { house: { index: a, keyring: b, fingerprint: ${KEY} } }`,
    /sources\.house has several of keyring, fingerprint and checksums-only: use one$/,
  ],
] as const) {
  test(`refused: ${text.replaceAll('\n', '; ')}`, async () => {
    using tree = new Tree({ 'vlb.yaml': text });
    const failure = failureIn(await loadConfig(tree.directory));
    assert.match(failure.message, message);
    assert.ok(failure.where?.line);
  });
}
