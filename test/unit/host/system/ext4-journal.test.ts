// The journal of an ext4 is found where debugfs finds it; and with anything damaged, unknown or in use, nothing is.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, openSync, readSync, truncateSync, writeFileSync } from 'node:fs';
import { describe, type TestContext, test } from 'node:test';
import { type ReadDevice, unusedJournal } from '../../../../src/host/system/ext4-journal.ts';
import { ok } from '../../../../src/model/failure.ts';
import { failureIn, Tree, valueIn } from '../../../rig/tree.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const PATH = `${process.env['PATH']}:/usr/sbin:/sbin`;

function tool(command: string, ...args: readonly string[]): string {
  return execFileSync(command, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'], env: { PATH } });
}

/** An image with a file system, made by mke2fs; undefined, and the test skipped, where that is not installed. */
function imageOf(
  t: TestContext,
  tree: Tree,
  size: number,
  ...options: readonly string[]
): string | undefined {
  const image = tree.path('image');
  writeFileSync(image, '');
  truncateSync(image, size);
  const made = spawnSync('mke2fs', ['-q', '-F', ...options, image], { encoding: 'utf8', env: { PATH } });
  if (made.error) t.skip('NOT RUN: mke2fs is not installed');
  else assert.equal(made.status, 0, made.stderr);
  return made.error ? undefined : image;
}

/** A file or bytes as a device. */
function reader(image: string): ReadDevice {
  return async ({ offset, length }) => {
    const descriptor = openSync(image, 'r');
    try {
      const bytes = Buffer.alloc(length);
      return ok(bytes.subarray(0, readSync(descriptor, bytes, 0, length, offset)));
    } finally {
      closeSync(descriptor);
    }
  };
}

/** The ranges that debugfs gives for the journal, without its first block. */
function byDebugfs(image: string): { offset: number; length: number }[] {
  const size = Number(/^Block size:\s+(\d+)$/m.exec(tool('debugfs', '-R', 'stats -h', image))?.[1]);
  const said = tool('debugfs', '-R', 'stat <8>', image);
  const extents = [...said.matchAll(/\((\d+)(?:-\d+)?\):(\d+)(?:-(\d+))?/g)].map(([, logical, from, to]) => {
    const kept = logical === '0' ? 1 : 0;
    const start = Number(from) + kept;
    return { offset: start * size, length: (Number(to ?? from) + 1 - start) * size };
  });
  return extents.filter(({ length }) => length > 0);
}

describe('the journal is found where debugfs finds it', () => {
  const variants: Readonly<Record<string, readonly [mebibytes: number, ...options: string[]]>> = {
    'by default': [64, '-t', 'ext4'],
    'with blocks of 1 KiB': [64, '-t', 'ext4', '-b', '1024'],
    'with blocks of 2 KiB': [64, '-t', 'ext4', '-b', '2048'],
    'with blocks of 4 KiB': [64, '-t', 'ext4', '-b', '4096'],
    'without 64bit': [64, '-t', 'ext4', '-O', '^64bit'],
    'with 64bit': [64, '-t', 'ext4', '-O', '64bit'],
    'without metadata_csum': [64, '-t', 'ext4', '-O', '^metadata_csum'],
    'with metadata_csum': [64, '-t', 'ext4', '-O', 'metadata_csum'],
    'with a seed for checksums and a file of orphans': [
      128,
      '-t',
      'ext4',
      '-O',
      'metadata_csum_seed,orphan_file',
    ],
    'with small inodes': [64, '-t', 'ext4', '-I', '128', '-b', '4096'],
    'in several extents, tiny': [3, '-t', 'ext4'],
    'in extents that do not fit into the inode': [
      128,
      '-t',
      'ext4',
      '-b',
      '1024',
      '-O',
      '^flex_bg,metadata_csum',
      '-J',
      'size=48',
    ],
    'on a large disk': [256 * KIB, '-t', 'ext4', '-O', 'metadata_csum', '-J', 'size=1024'],
  };
  for (const [what, [mebibytes, ...options]] of Object.entries(variants)) {
    test(what, async (t) => {
      using tree = new Tree();
      const image = imageOf(t, tree, mebibytes * MIB, ...options);
      if (image === undefined) return;
      const expected = byDebugfs(image);
      assert.ok(expected.length > 0);
      assert.deepEqual(valueIn(await unusedJournal(reader(image))), expected);
    });
  }

  test('where space was in pieces', async (t) => {
    using tree = new Tree();
    const image = imageOf(t, tree, 16 * MIB, '-t', 'ext4', '-b', '1024', '-O', '^has_journal,metadata_csum');
    if (image === undefined) return;
    writeFileSync(tree.path('data'), Buffer.alloc(100 * KIB, 1));
    const names = Array.from({ length: 100 }, (_, index) => `f${index}`);
    const commands = [
      ...names.map((name) => `write ${tree.path('data')} ${name}`),
      ...names.filter((_, index) => index % 2 === 0).map((name) => `rm ${name}`),
    ];
    writeFileSync(tree.path('commands'), `${commands.join('\n')}\n`);
    tool('debugfs', '-w', '-f', tree.path('commands'), image);
    spawnSync('e2fsck', ['-fy', image], { env: { PATH } });
    tool('tune2fs', '-J', 'size=4', image);
    const expected = byDebugfs(image);
    assert.ok(expected.length > 4, `${expected.length} extents`);
    assert.deepEqual(valueIn(await unusedJournal(reader(image))), expected);
  });
});

describe('nothing is found', () => {
  const variants: Readonly<Record<string, readonly [why: RegExp, ...options: string[]]>> = {
    'without a journal': [/no journal with extents$/, '-t', 'ext4', '-O', '^has_journal'],
    'on ext3, whose journal has no extents': [/no journal with extents$/, '-t', 'ext3'],
    'on ext2': [/no journal with extents$/, '-t', 'ext2'],
    'in an external journal': [/features 0x0, 0x8, 0x0$/, '-O', 'journal_dev', '-b', '4096'],
    'with fast commits': [/features 0x400, 0x0, 0x0$/, '-t', 'ext4', '-O', 'fast_commit'],
    'with clusters': [/features 0x0, 0x0, 0x200$/, '-t', 'ext4', '-O', 'bigalloc'],
    'with group descriptors elsewhere': [
      /features 0x0, 0x10, 0x0$/,
      '-t',
      'ext4',
      '-O',
      'meta_bg,^resize_inode',
    ],
    'with data in inodes': [/features 0x0, 0x8000, 0x0$/, '-t', 'ext4', '-O', 'inline_data'],
    'in a tree of extents without checksums': [
      /the depth of the extent tree$/,
      ...['-t', 'ext4', '-b', '1024', '-O', '^flex_bg,^metadata_csum', '-J', 'size=48'],
    ],
  };
  for (const [what, [why, ...options]] of Object.entries(variants)) {
    test(what, async (t) => {
      using tree = new Tree();
      const image = imageOf(t, tree, 128 * MIB, ...options);
      if (image) assert.match(failureIn(await unusedJournal(reader(image))).message, why);
    });
  }

  test('when the journal has to be replayed', async (t) => {
    using tree = new Tree();
    const image = imageOf(t, tree, 64 * MIB, '-t', 'ext4');
    if (image === undefined) return;
    tool('debugfs', '-w', '-R', 'feature needs_recovery', image);
    assert.match(failureIn(await unusedJournal(reader(image))).message, /features 0x0, 0x4, 0x0$/);
  });

  test('where there is no ext4, or its end is missing', async (t) => {
    using tree = new Tree();
    const image = imageOf(t, tree, 64 * MIB, '-t', 'ext4');
    if (image === undefined) return;
    const read = reader(image);
    const shortened = [0, 1024, 8191].map((end): ReadDevice => {
      return ({ offset, length }) => read({ offset, length: Math.max(0, Math.min(length, end - offset)) });
    });
    for (const short of shortened)
      assert.match(failureIn(await unusedJournal(short)).message, /the device ends/);
    const zeros: ReadDevice = async ({ length }) => ok(Buffer.alloc(length));
    assert.match(failureIn(await unusedJournal(zeros)).message, /there is no ext4 superblock$/);
  });
});

describe('in a damaged file system the journal is where it was, or not found', () => {
  for (const [what, size, ...options] of [
    ['with extents in the inode', 3 * MIB, '-t', 'ext4'],
    [
      'with a tree of extents',
      128 * MIB,
      '-t',
      'ext4',
      '-b',
      '1024',
      '-O',
      '^flex_bg,metadata_csum',
      '-J',
      'size=48',
    ],
  ] as const) {
    test(what, async (t) => {
      using tree = new Tree();
      const image = imageOf(t, tree, size, ...options);
      if (image === undefined) return;
      const device = await Device.of(image);
      const { ranges } = device;
      let noticed = 0;
      // Of the first piece only the superblock and a group descriptor are looked at: the blocks have 1 KiB.
      const places = Array.from({ length: device.length }, (_, at) => at).filter(
        (at) => at >= 8192 || (at >= 1024 && at < 2112),
      );
      for (const at of places) {
        for (const bits of [0xff, 0x01, 0x80]) {
          const result = await device.withByte(at, (byte) => byte ^ bits);
          if (result.ok) assert.deepEqual(result.value, ranges, `byte ${at} xor ${bits}`);
          else noticed++;
        }
      }
      assert.ok(noticed > 500, `${noticed} damages were noticed`);
    });

    test(`${what}, many bytes at once`, async (t) => {
      using tree = new Tree();
      const image = imageOf(t, tree, size, ...options);
      if (image === undefined) return;
      const device = await Device.of(image);
      let state = 20_261_126; // a linear congruential generator, the same at each run
      const random = (below: number) => {
        state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
        return Math.floor((state / 2 ** 32) * below);
      };
      for (let round = 0; round < 2000; round++) {
        const damage = new Map(
          Array.from({ length: 1 + random(40) }, () => [random(device.length), random(256)]),
        );
        const result = await device.with(damage);
        if (result.ok) assert.deepEqual(result.value, device.ranges, `round ${round}`);
      }
    });
  }
});

/** What was read of an image for its journal, as one row of bytes that can be changed. */
class Device {
  readonly ranges: unknown;
  readonly #pieces: readonly { readonly offset: number; readonly bytes: Buffer }[];
  readonly #read: ReadDevice;

  private constructor(ranges: unknown, pieces: { offset: number; bytes: Buffer }[], read: ReadDevice) {
    this.ranges = ranges;
    this.#pieces = pieces;
    this.#read = read;
  }

  static async of(image: string): Promise<Device> {
    const read = reader(image);
    const pieces: { offset: number; bytes: Buffer }[] = [];
    const ranges = await unusedJournal(async (range) => {
      const bytes = valueIn(await read(range));
      pieces.push({ offset: range.offset, bytes });
      return ok(bytes);
    });
    return new Device(valueIn(ranges), pieces, read);
  }

  get length(): number {
    return this.#pieces.reduce((sum, { bytes }) => sum + bytes.length, 0);
  }

  withByte(at: number, change: (byte: number) => number) {
    let rest = at;
    for (const { bytes } of this.#pieces) {
      if (rest < bytes.length) return this.with(new Map([[at, change(bytes[rest] ?? 0)]]));
      rest -= bytes.length;
    }
    assert.fail(`there is no byte ${at}`);
  }

  /** Looks for the journal with other bytes at some places. */
  with(damage: ReadonlyMap<number, number>) {
    let before = 0;
    const damaged = this.#pieces.map(({ offset, bytes }) => {
      const copy = Buffer.from(bytes);
      for (const [at, byte] of damage)
        if (at >= before && at < before + copy.length) copy[at - before] = byte;
      before += bytes.length;
      return { offset, bytes: copy };
    });
    return unusedJournal(async (range) => {
      const piece = damaged.find(
        ({ offset, bytes }) => offset === range.offset && bytes.length === range.length,
      );
      return piece ? ok(piece.bytes) : this.#read(range);
    });
  }
}
