// Properties of everything that parses foreign bytes: it fails only as documented, and does not depend on how input is cut.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { duplexPair } from 'node:stream';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { parsePackages } from '../../src/diff/packages.ts';
import { createConsoleCleaner } from '../../src/host/boot/console/text.ts';
import { GuestAgent } from '../../src/host/boot/guest/agent.ts';
import { runInGuest } from '../../src/host/boot/guest/command.ts';
import { createJsonLineReader, type JsonLine } from '../../src/host/boot/qemu/json-lines.ts';
import { recognizeFormat } from '../../src/host/images/format.ts';
import { firstDisk } from '../../src/kinds/base/archive.ts';
import { digestsOf } from '../../src/kinds/base/lists/checksums.ts';
import { PACKAGE_DATABASES } from '../../src/model/disk-diff.ts';
import { parseRecord } from '../../src/model/record.ts';
import { FRAME_BYTES, FrameError, pack, unpack } from '../../src/shared-cache/transfer/frames.ts';
import { backingFile, referencesOf } from '../../src/store/local/qcow2-header.ts';
import { decodeName, encodeName } from '../../src/util/file-name.ts';
import { digestOf, Tree } from '../rig/tree.ts';

/** The same cases each time, and at most a second for each property. */
const BOUNDS = {
  seed: 42,
  numRuns: 300,
  interruptAfterTimeLimit: 1000,
  markInterruptAsFailure: false,
} as const;

const bytes = (maxLength: number) =>
  fc.uint8Array({ maxLength }).map((array) => Buffer.from(array.buffer, array.byteOffset, array.length));

/** Bytes with some of these texts in them, so that parsers get past their first check. */
const bytesWith = (...texts: readonly (string | Buffer)[]) =>
  fc
    .array(
      fc.oneof(
        fc.constantFrom(...texts).map((text) => Buffer.from(text)),
        bytes(8),
      ),
      { maxLength: 40 },
    )
    .map((parts) => Buffer.concat(parts));

/** A text of bytes, and where it is cut. */
const cutIn = (all: fc.Arbitrary<Buffer>) => fc.tuple(all, fc.array(fc.nat({ max: 200 }), { maxLength: 12 }));

function pieces([all, cuts]: readonly [Buffer, readonly number[]]): Buffer[] {
  const at = [0, ...cuts.map((cut) => Math.min(cut, all.length)).sort((a, b) => a - b), all.length];
  return at.slice(1).map((end, index) => Buffer.from(all.subarray(at[index], end)));
}

describe('qcow2 headers', () => {
  const header = fc
    .tuple(
      fc.constantFrom(2, 3, 4, 0xffffffff),
      fc.oneof(fc.nat({ max: 300 }).map(BigInt), fc.bigInt({ min: 0n, max: 2n ** 64n - 1n })),
      fc.oneof(fc.nat({ max: 300 }), fc.nat({ max: 0xffffffff })),
      bytes(300),
    )
    .map(([version, offset, length, rest]) => {
      const start = Buffer.alloc(20);
      start.writeUInt32BE(0x514649fb, 0);
      start.writeUInt32BE(version, 4);
      start.writeBigUInt64BE(offset, 8);
      start.writeUInt32BE(length, 16);
      return Buffer.concat([start, rest]);
    });

  test('never throw, and give a name of at most 1023 bytes from the file', () => {
    using tree = new Tree();
    const file = tree.path('disk');
    fc.assert(
      fc.property(fc.oneof(header, bytes(100)), (content) => {
        writeFileSync(file, content);
        const name = backingFile(file);
        assert.ok(name === undefined || (name.length > 0 && name.length <= 1023));
        const references = referencesOf(file);
        assert.ok(references === undefined || references.file === name);
      }),
      BOUNDS,
    );
  });
});

async function* stream(parts: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* parts;
}

async function collect(parts: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const part of parts) all.push(Buffer.from(part));
  return Buffer.concat(all);
}

describe('zstd frames', () => {
  const frameHeader = Buffer.from([0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0]);

  test('what is packed comes out, however it is cut', async () => {
    await fc.assert(
      fc.asyncProperty(cutIn(bytes(2000)), async ([content, cuts]) => {
        const packed = await collect(pack(stream(content.length === 0 ? [] : [content])));
        assert.deepEqual(await collect(unpack(stream(pieces([packed, cuts])))), content);
      }),
      { ...BOUNDS, numRuns: 50 },
    );
  });

  test('anything else is a FrameError, and never more than a frame for each one', async () => {
    const small = fc.constantFrom(...[0, 1, 9, 0xffff, 0xffffffff]).map((value) => {
      const size = Buffer.alloc(4);
      size.writeUInt32LE(value);
      return Buffer.concat([frameHeader, size]);
    });
    const foreign = fc
      .array(fc.oneof(small, bytes(20)), { maxLength: 8 })
      .map((parts) => Buffer.concat(parts));
    await fc.assert(
      fc.asyncProperty(cutIn(foreign), async (input) => {
        try {
          const out = await collect(unpack(stream(pieces(input))));
          assert.ok(out.length <= FRAME_BYTES * (input[0].length / 12));
        } catch (error) {
          assert.ok(error instanceof FrameError, String(error));
        }
      }),
      { ...BOUNDS, numRuns: 100 },
    );
  });
});

test('package databases: any text has packages with a name, a version and an architecture as texts', () => {
  const words = [
    'Package: a',
    'Status: install ok installed',
    'Version: ',
    'P:a',
    'L:',
    '\n',
    '\n\n',
    '\t',
    ' ',
    '\r',
  ];
  fc.assert(
    fc.property(fc.constantFrom(...PACKAGE_DATABASES), bytesWith(...words), (database, text) => {
      for (const one of parsePackages(database, text.toString())) {
        assert.ok(one.name !== '' || database === 'dpkg');
        assert.deepEqual([typeof one.version, typeof one.architecture], ['string', 'string']);
      }
    }),
    BOUNDS,
  );
});

test('console text: chunks do not matter, and nothing steers a terminal', () => {
  const words = [
    '\x1b[2J',
    '\x1b]0;title\x07',
    '\x1b',
    '\r',
    '\r\n',
    '\n',
    'ä',
    '\u009b1m',
    'text ',
    '\x1bP',
    '\x1b\\',
    '\x1bc',
  ];
  fc.assert(
    fc.property(cutIn(bytesWith(...words)), ([all, cuts]) => {
      const whole = createConsoleCleaner()(all);
      const clean = createConsoleCleaner();
      assert.equal(pieces([all, cuts]).map(clean).join(''), whole);
      assert.doesNotMatch(whole, /[^\P{Cc}\t\n]/u);
    }),
    BOUNDS,
  );
});

test('lines of JSON: chunks do not matter, and only objects are read', () => {
  const words = ['{"return":1}', '{"return":{}}\n', '\n', Buffer.of(0xff), '[1]\n', 'null\n', '{"a":'];
  fc.assert(
    fc.property(cutIn(bytesWith(...words)), ([all, cuts]) => {
      const read = (parts: readonly Buffer[]) => {
        const lines: JsonLine[] = [];
        const reader = createJsonLineReader((line) => lines.push(line));
        parts.forEach(reader);
        return lines;
      };
      assert.deepEqual(read(pieces([all, cuts])), read([all]));
    }),
    BOUNDS,
  );
});

test('a guest agent may answer anything', async () => {
  const value = fc.oneof(
    fc.jsonValue(),
    fc.record({ pid: fc.jsonValue() }),
    fc.record({ exited: fc.constant(true), exitcode: fc.jsonValue(), signal: fc.jsonValue() }),
    fc.record({ exited: fc.constant(true), signal: fc.jsonValue(), 'out-data': fc.jsonValue() }),
  );
  const answer = fc.oneof(
    fc.record({ return: value }),
    fc.record({
      error: fc.oneof(
        fc.jsonValue(),
        fc.record({ desc: fc.jsonValue() }),
        fc.constant({ desc: { toString: 1 } }),
      ),
    }),
  );
  await fc.assert(
    fc.asyncProperty(answer, answer, async (...answers) => {
      const [host, guest] = duplexPair();
      let next = 0;
      guest.on('data', () =>
        guest.write(`${JSON.stringify(answers[next++] ?? { return: { exited: true } })}\n`),
      );
      const ended = await runInGuest(new GuestAgent(host), 'true', AbortSignal.timeout(5000));
      if (ended.type === 'ended') assert.ok(ended.status >= 0 && ended.status <= 255, String(ended.status));
      host.destroy();
    }),
    BOUNDS,
  );
});

test('records: any JSON is a record with checked fields, or none', () => {
  const reference = { digest: digestOf('a'), keeping: 'cached', bytes: 1 };
  const right = {
    schema: 1,
    key: digestOf('b'),
    layer: '20_app',
    artifact: reference,
    parent: null,
    seconds: 1,
    created: '2020-01-01T00:00:00.000Z',
    recipe: 'schema 1\n',
  };
  const disks = ['main', 'data'].map((name) => ({ name, digest: digestOf('a'), bytes: 1 }));
  const several = { ...right, schema: 2, artifact: { keeping: 'cached', disks } };
  for (const record of [right, several]) assert.ok(parseRecord(JSON.stringify(record)));
  const changed = fc
    .tuple(
      fc.constantFrom(right, several),
      fc.constantFrom(...Object.keys(right)),
      fc.oneof(fc.json(), fc.constantFrom('1e400', '-1', '""', '"../x"', '{"digest":1}')),
    )
    .map(
      ([record, name, value]) => `${JSON.stringify(record).slice(0, -1)},${JSON.stringify(name)}:${value}}`,
    );
  fc.assert(
    fc.property(fc.oneof(changed, fc.json(), fc.string()), (text) => {
      const record = parseRecord(text);
      if (!record) return;
      assert.ok(
        Number.isFinite(record.seconds) &&
          record.artifact.disks.every(({ bytes }) => Number.isSafeInteger(bytes)),
      );
      assert.doesNotMatch(record.layer, /[^\w.-]/);
    }),
    BOUNDS,
  );
});

test('file names: any bytes come back', () => {
  fc.assert(
    fc.property(
      fc.oneof(bytes(60), bytesWith('ä', '€', '😀', Buffer.of(0xed, 0xa0, 0x80), Buffer.of(0xf0, 0x9f))),
      (name) => {
        assert.deepEqual(encodeName(decodeName(name)), name);
      },
    ),
    BOUNDS,
  );
});

test('disk images: any bytes have a format', () => {
  using tree = new Tree();
  const magics = ['QFI\xfb\0\0\0\x03', 'QED\0', 'KDMV', 'vhdxfile', 'conectix', 'LUKS\xba\xbe', 'koly'];
  const parts = bytesWith(...magics.map((text) => Buffer.from(text, 'latin1')), Buffer.alloc(480));
  fc.assert(
    fc.property(fc.tuple(fc.constantFrom(...magics, ''), parts), ([magic, rest]) => {
      tree.write({ image: Buffer.concat([Buffer.from(magic, 'latin1'), rest]) });
      const { format, missing = 'a file' } = recognizeFormat(tree.path('image'));
      assert.match(format, /^[a-z0-9]+$/);
      assert.match(missing, /^(a|an|other) [a-z ]+$/);
    }),
    BOUNDS,
  );
});

test('lists of checksums and descriptors of appliances: any text has a digest or a name, or none', () => {
  const words = bytesWith('a'.repeat(64), 'b'.repeat(128), '  x.img', ' *', '\n', 'SHA256 (x.img) = ').map(
    String,
  );
  const tags = bytesWith(
    '<Disk ',
    '<ovf:File ',
    'fileRef="a"',
    'id="a"',
    " href='b'",
    '>',
    '<!--',
    '-->',
  ).map(String);
  fc.assert(
    fc.property(fc.tuple(words, tags), ([list, ovf]) => {
      const digests = digestsOf('x.img', list, 'SUMS');
      if (digests.ok) {
        for (const [name, hex] of Object.entries(digests.value)) {
          assert.match(hex, name === 'sha256' ? /^[0-9a-f]{64}$/ : /^[0-9a-f]{128}$/);
        }
      }
      firstDisk(ovf, 'x.ova');
    }),
    BOUNDS,
  );
});
