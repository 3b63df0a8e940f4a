// Records as text: only a whole and well-formed one is a record.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { BuildRecord } from '../../../src/model/artifact.ts';
import { keyOf } from '../../../src/model/recipe.ts';
import { parseRecord } from '../../../src/model/record.ts';
import { digestOf } from '../../rig/tree.ts';

const RECORD: BuildRecord = {
  schema: 1,
  key: keyOf('x'),
  layer: '20_app',
  artifact: { digest: digestOf('a'), keeping: 'cached', bytes: 196_608 },
  parent: { digest: digestOf('b'), keeping: 'cached' },
  seconds: 1.5,
  created: '2020-01-01T00:00:00.000Z',
  recipe: 'schema 1\nkind build-layer\n',
};

test('what was written is read', () => {
  const backing = { digest: digestOf('c'), keeping: 'cached' };
  for (const change of [{}, { parent: null }, { noshare: true }, { backing }]) {
    const record = { ...RECORD, ...change };
    assert.deepEqual(parseRecord(JSON.stringify(record)), record);
    assert.deepEqual(parseRecord(`${JSON.stringify(record, undefined, 1)}\n`), record);
  }
});

test('cut off anywhere, it is none', () => {
  const text = JSON.stringify(RECORD);
  for (let length = 0; length < text.length; length++)
    assert.equal(parseRecord(text.slice(0, length)), undefined);
});

describe('what is no record', () => {
  for (const text of [
    '',
    'null',
    '[]',
    '{}',
    '1',
    '"x"',
    '\0'.repeat(100),
    'undefined',
    `${JSON.stringify(RECORD)}x`,
  ]) {
    test(JSON.stringify(text.slice(0, 20)), () => assert.equal(parseRecord(text), undefined));
  }

  for (const field of Object.keys(RECORD)) {
    test(`${field} is missing, null-like or of another type`, () => {
      for (const value of [undefined, true, {}, [], { digest: 'x', keeping: 'cached', bytes: 1 }]) {
        assert.equal(
          parseRecord(JSON.stringify({ ...RECORD, [field]: value })),
          undefined,
          JSON.stringify(value),
        );
      }
    });
  }

  const { artifact } = RECORD;
  for (const [what, change] of [
    ['another schema', { schema: 2 }],
    ['a backing file without a digest', { backing: { keeping: 'cached' } }],
    ['a backing file, but no parent', { parent: null, backing: RECORD.parent }],
    ['a noshare that is no such thing', { noshare: 'perhaps' }],
    ['a key in capitals', { key: RECORD.key.toUpperCase() }],
    ['a digest that climbs out of the store', { artifact: { ...artifact, digest: `../${'a'.repeat(61)}` } }],
    ['a digest with a newline behind it', { artifact: { ...artifact, digest: `${artifact.digest}\n` } }],
    ['another keeping', { artifact: { ...artifact, keeping: 'elsewhere' } }],
    ['a size with a fraction', { artifact: { ...artifact, bytes: 0.5 } }],
    ['a size below nothing', { artifact: { ...artifact, bytes: -1 } }],
    ['no artifact', { artifact: null }],
    ['a name that leads elsewhere', { layer: '../../10_a' }],
    ['a name that steers a terminal', { layer: '10_a\x1b[2J' }],
    ['less than no time', { seconds: -1 }],
    ['a parent without a digest', { parent: { keeping: 'cached' } }],
  ] as const) {
    test(what, () => assert.equal(parseRecord(JSON.stringify({ ...RECORD, ...change })), undefined));
  }

  test('a time without end', () => {
    const text = JSON.stringify(RECORD).replace('"seconds":1.5', '"seconds":1e400');
    assert.notEqual(text, JSON.stringify(RECORD));
    assert.equal(parseRecord(text), undefined);
  });
});
