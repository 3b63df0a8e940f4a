// Records as text: only a whole and well-formed one is a record, and what was written is read.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { ArtifactDisk, BuildRecord, Digest, DiskReference, Disks } from '../../../src/model/artifact.ts';
import { keyOf } from '../../../src/model/recipe.ts';
import { isNewerRecord, parseRecord, recordText } from '../../../src/model/record.ts';
import { artifactOf, digestOf } from '../../rig/tree.ts';

/** As it is written. */
const RECORD = {
  schema: 1,
  key: keyOf('x'),
  layer: '20_app',
  artifact: { digest: digestOf('a'), keeping: 'cached', bytes: 196_608 },
  parent: { digest: digestOf('b'), keeping: 'cached' },
  seconds: 1.5,
  created: '2020-01-01T00:00:00.000Z',
  recipe: 'schema 1\nkind build-layer\n',
};

const SEVERAL = {
  ...RECORD,
  schema: 2,
  artifact: {
    keeping: 'cached',
    disks: [
      { name: 'main', digest: digestOf('a'), bytes: 196_608 },
      { name: 'data', digest: digestOf('c'), bytes: 65_536 },
    ],
  },
  parent: { keeping: 'cached', disks: [{ name: 'main', digest: digestOf('b') }] },
};

test('a record is written as it was read, and one of one disk as version 0.1.0 did', () => {
  for (const record of [
    RECORD,
    { ...RECORD, parent: null },
    { ...RECORD, noshare: true },
    { ...RECORD, backing: { digest: digestOf('c'), keeping: 'cached' } },
    SEVERAL,
    { ...SEVERAL, parent: null },
    { ...SEVERAL, parent: { keeping: 'uncached', disks: twoReferences() } },
  ]) {
    for (const space of [undefined, 1]) {
      const text = JSON.stringify(record, undefined, space);
      const read = parseRecord(`${text}\n`);
      assert.ok(read, text);
      assert.equal(recordText(read, space), text);
    }
  }
});

test('the disks of both schemas are read alike', () => {
  const [one, several] = [RECORD, SEVERAL].map((record) => parseRecord(JSON.stringify(record)));
  assert.deepEqual(one?.artifact, artifactOf(digestOf('a'), 'cached', 196_608));
  assert.deepEqual(several?.artifact, SEVERAL.artifact);
  assert.deepEqual(one?.parent, several?.parent);
});

test('the parent is written without the sizes of its disks', () => {
  const read = parseRecord(JSON.stringify(RECORD));
  assert.ok(read);
  assert.equal(recordText({ ...read, parent: artifactOf(digestOf('b')) }), JSON.stringify(RECORD));
});

function twoReferences(): DiskReference[] {
  return [
    { name: 'main', digest: digestOf('b') },
    { name: 'data', digest: digestOf('c') },
  ];
}

const digest = fc
  .uint8Array({ minLength: 32, maxLength: 32 })
  .map((bytes) => Buffer.from(bytes).toString('hex') as Digest); // 64 hexadecimal digits
/** Objects as JSON.parse makes them. */
const PLAIN = { noNullPrototype: true };
const diskOf = (name: string) =>
  fc.record({ name: fc.constant(name), digest, bytes: fc.maxSafeNat() }, PLAIN);
const disks: fc.Arbitrary<Disks<ArtifactDisk>> = fc.record(
  {
    keeping: fc.constantFrom('cached' as const, 'uncached' as const),
    disks: fc
      .uniqueArray(fc.stringMatching(/^[a-z][a-z0-9-]{0,31}$/), { maxLength: 4 })
      .chain((names) =>
        fc.tuple(diskOf('main'), ...names.filter((name) => name !== 'main').map((name) => diskOf(name))),
      ),
  },
  PLAIN,
);
const references = disks.map(({ keeping, disks: [main, ...others] }): Disks<DiskReference> => {
  const bare = ({ name, digest }: DiskReference) => ({ name, digest });
  return { keeping, disks: [bare(main), ...others.map(bare)] };
});
const records: fc.Arbitrary<BuildRecord> = fc
  .record({
    layer: fc.constantFrom('base', '20_app'),
    artifact: disks,
    parent: fc.option(references),
    seconds: fc.double({ min: 0, noNaN: true, noDefaultInfinity: true }).map((seconds) => seconds + 0), // not -0
    created: fc.string(),
    recipe: fc.string(),
  })
  .map((fields) => ({ key: keyOf(fields.recipe), ...fields }));

describe('with any disks', () => {
  const bounds = { seed: 42, numRuns: 300 };

  test('what was written is read', () => {
    fc.assert(
      fc.property(records, (record) => assert.deepEqual(parseRecord(recordText(record)), record)),
      bounds,
    );
  });

  test('schema 2 is only for several', () => {
    fc.assert(
      fc.property(records, (record) => {
        const { schema, artifact } = JSON.parse(recordText(record));
        const several = record.artifact.disks.length > 1 || (record.parent?.disks.length ?? 0) > 1;
        assert.equal(schema, several ? 2 : 1);
        assert.equal('digest' in artifact, !several);
      }),
      bounds,
    );
  });
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
    ['a schema that is not that of its disks', { schema: 2 }],
    ['no schema', { schema: undefined }],
    ['a schema of a newer vlb', { schema: 3 }],
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

describe('what is no record of several disks', () => {
  const [main, data] = SEVERAL.artifact.disks;
  for (const [what, list] of [
    ['no disk', []],
    ['one disk, which schema 1 has', [main]],
    ['the main disk not first', [data, main]],
    ['no main disk', [{ ...main, name: 'root' }, data]],
    ['two disks of a name', [main, data, data]],
    ['a name that leads elsewhere', [main, { ...data, name: '../data' }]],
    ['a name that steers a terminal', [main, { ...data, name: 'data\x1b[2J' }]],
    ['a disk without a size', [main, { ...data, bytes: undefined }]],
    ['a disk without a digest', [main, { ...data, digest: 'x' }]],
    ['a disk that is none', [main, data, null]],
    ['no list', { main, data }],
  ] as const) {
    test(what, () => {
      const record = { ...SEVERAL, artifact: { keeping: 'cached', disks: list } };
      assert.equal(parseRecord(JSON.stringify(record)), undefined);
    });
  }

  test('the forms of both schemas mixed', () => {
    for (const record of [
      { ...SEVERAL, schema: 1 },
      { ...SEVERAL, parent: RECORD.parent },
      { ...RECORD, parent: SEVERAL.artifact },
    ]) {
      assert.equal(parseRecord(JSON.stringify(record)), undefined);
    }
  });
});

test('a record of a newer vlb is told from a damaged one', () => {
  const isNewer = (value: unknown) => isNewerRecord(JSON.stringify(value));
  assert.deepEqual([{ schema: 3 }, { ...SEVERAL, schema: 12 }].map(isNewer), [true, true]);
  for (const value of [RECORD, SEVERAL, { schema: 'new' }, {}, null, [3]])
    assert.equal(isNewer(value), false);
  assert.equal(isNewerRecord('{"schema":3'), false);
});
