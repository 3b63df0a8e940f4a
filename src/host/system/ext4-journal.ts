// Finds the blocks of an ext4 file system's journal by the structures on its device. Whatever was not tested (a feature, a
// block size, a journal elsewhere), does not fit together, or needs recovery, is refused: a failure, of kind `host`, says why.
//
// Sources, all below Documentation/filesystems/ext4 of the kernel: super.rst (superblock), group_descr.rst, inode_table.rst,
// inodes.rst, ifork.rst (extent tree), checksums.rst, journal.rst (JBD2, whose numbers are big endian; ext4's are little endian).

import { fail, ok, type Result } from '../../model/failure.ts';
import { type ByteRange, discard, readBytes } from '../root/agent-devices.ts';
import type { RootShell } from '../root/root-shell.ts';

/**
 * Empties the journal of an unmounted ext4: after a clean unmount nothing reads its blocks again, but up to 64 MB of them would stay in
 * every delta. If that is not possible, nothing happens: that only costs space.
 */
export async function emptyJournal(shell: RootShell, device: string): Promise<void> {
  const unused = await unusedJournal((range) => readBytes(shell, device, range));
  if (unused.ok) await discard(shell, device, unused.value);
}

/** Reads a range of the device; returns fewer bytes at its end. */
export type ReadDevice = (range: ByteRange) => Promise<Result<Buffer>>;

/** The superblock with the block behind it that begins the group descriptors, for each block size that is allowed here. */
const HEAD: ByteRange = { offset: 0, length: 8192 };
const SUPERBLOCK = 1024;
const BLOCK_SIZES = [1024, 2048, 4096];
const JOURNAL_INODE = 8;

// super.rst, s_feature_compat: has_journal, ext_attr, resize_inode, dir_index, orphan_file. Not fast_commit, whose blocks are
// in the journal as well.
const HAS_JOURNAL = 0x4;
const COMPATIBLE = HAS_JOURNAL | 0x8 | 0x10 | 0x20 | 0x1000;
// s_feature_incompat: filetype, extents, 64bit, flex_bg, csum_seed. Not recover (the journal is not empty), nor journal_dev.
const EXTENTS = 0x40;
const IS_64BIT = 0x80;
const CSUM_SEED = 0x2000;
const INCOMPATIBLE = 0x2 | EXTENTS | IS_64BIT | 0x200 | CSUM_SEED;
// s_feature_ro_compat: sparse_super, large_file, huge_file, gdt_csum, dir_nlink, extra_isize, quota, metadata_csum, project.
const METADATA_CSUM = 0x400;
const READ_ONLY_COMPATIBLE = 0x1 | 0x2 | 0x8 | 0x10 | 0x20 | 0x40 | 0x100 | METADATA_CSUM | 0x2000;
/** s_state: unmounted cleanly, and no errors detected. */
const CLEAN = 1;
/** s_jnl_backup_type: s_jnl_blocks is a copy of the journal inode's i_block and size. */
const HAS_BACKUP = 1;
/** ifork.rst: where the extent tree is in an inode, and the length of its header and of each entry. */
const ROOT = { start: 0x28, length: 60 };
const ENTRY = 12;
/** journal.rst, s_feature_incompat: revoke, 64bit, csum_v3. */
const JOURNAL_INCOMPATIBLE = 0x1 | 0x2 | 0x10;

/** What later steps need of the superblock. */
interface FileSystem {
  readonly blockSize: number;
  readonly blocks: number;
  readonly firstBlock: number;
  readonly inodeSize: number;
  readonly is64bit: boolean;
  /** The start of metadata checksums; undefined without metadata_csum. */
  readonly checksumSeed: number | undefined;
  readonly backup: Buffer;
}

interface Extent {
  readonly start: number;
  readonly length: number;
}

/**
 * Returns the ranges of an empty internal journal but for its first block, which says that the journal is empty. Nothing of
 * these ranges is ever read again.
 */
export async function unusedJournal(read: ReadDevice): Promise<Result<readonly ByteRange[]>> {
  const head = await readWhole(read, HEAD);
  if (!head.ok) return head;
  const parsed = parseSuperblock(head.value.subarray(SUPERBLOCK, 2 * SUPERBLOCK));
  if (!parsed.ok) return parsed;
  const fs = parsed.value;
  const { blockSize } = fs;
  const table = inodeTable(head.value.subarray((fs.firstBlock + 1) * blockSize), fs);
  if (table >= fs.blocks) return refuse('the inode table is outside of the file system');
  const at = table * blockSize + (JOURNAL_INODE - 1) * fs.inodeSize;
  const inode = await readWhole(read, { offset: at, length: fs.inodeSize });
  if (!inode.ok) return inode;
  const length = checkInode(inode.value, fs);
  if (!length.ok) return length;
  const extents = await readExtents(read, inode.value, fs);
  if (!extents.ok) return extents;
  const fitting = checkExtents(extents.value, length.value, fs);
  if (!fitting.ok) return fitting;
  const [first] = extents.value;
  if (!first) return refuse('the journal has no blocks');
  const journal = await readWhole(read, { offset: first.start * blockSize, length: SUPERBLOCK });
  if (!journal.ok) return journal;
  const empty = checkJournal(journal.value, length.value, fs);
  if (!empty.ok) return empty;
  const unused = extents.value.map(({ start, length }, index) =>
    index === 0 ? { start: start + 1, length: length - 1 } : { start, length },
  );
  return ok(
    unused
      .filter(({ length }) => length > 0)
      .map(({ start, length }) => ({ offset: start * blockSize, length: length * blockSize })),
  );
}

function refuse(reason: string): Result<never> {
  return fail('host', `the journal is not emptied: ${reason}`);
}

async function readWhole(read: ReadDevice, range: ByteRange): Promise<Result<Buffer>> {
  const bytes = await read(range);
  if (!bytes.ok || bytes.value.length === range.length) return bytes;
  return refuse(`the device ends before byte ${range.offset + range.length}`);
}

function parseSuperblock(block: Buffer): Result<FileSystem> {
  const word = (at: number) => block.readUInt32LE(at);
  if (block.readUInt16LE(0x38) !== 0xef53) return refuse('there is no ext4 superblock');
  const [compatible, incompatible, readOnly] = [word(0x5c), word(0x60), word(0x64)];
  const unknown = [compatible & ~COMPATIBLE, incompatible & ~INCOMPATIBLE, readOnly & ~READ_ONLY_COMPATIBLE];
  if (unknown.some((bits) => bits !== 0)) {
    return refuse(`features ${unknown.map((bits) => `0x${(bits >>> 0).toString(16)}`).join(', ')}`);
  }
  if (!(compatible & HAS_JOURNAL) || !(incompatible & EXTENTS)) return refuse('no journal with extents');
  if (word(0xe0) !== JOURNAL_INODE || word(0xe4) !== 0) return refuse('the journal is not in inode 8');
  if (block.readUInt16LE(0x3a) !== CLEAN || word(0x4c) !== 1) return refuse('the file system is not clean');
  if (block[0xfd] !== HAS_BACKUP) return refuse('there is no copy of the journal inode to compare with');
  const blockSize = BLOCK_SIZES[word(0x18)];
  const firstBlock = word(0x14);
  if (blockSize === undefined || firstBlock !== (blockSize === 1024 ? 1 : 0)) return refuse('the block size');
  const is64bit = (incompatible & IS_64BIT) !== 0;
  if (is64bit && block.readUInt16LE(0xfe) !== 64) return refuse('the size of group descriptors');
  const blocks = word(0x4) + (is64bit ? word(0x150) : 0) * 2 ** 32;
  if (!Number.isSafeInteger(blocks * blockSize)) return refuse('the number of blocks');
  const inodeSize = block.readUInt16LE(0x58);
  if (![128, 256, 512, 1024].includes(inodeSize) || word(0x28) < JOURNAL_INODE) return refuse('the inodes');
  const seed = incompatible & CSUM_SEED ? word(0x270) : crc32c(~0, block.subarray(0x68, 0x78));
  return ok({
    blockSize,
    blocks,
    firstBlock,
    inodeSize,
    is64bit,
    checksumSeed: readOnly & METADATA_CSUM ? seed : undefined,
    backup: block.subarray(0x10c, 0x10c + 17 * 4),
  });
}

/** The first block of group 0's inode table. */
function inodeTable(descriptor: Buffer, { is64bit }: FileSystem): number {
  return descriptor.readUInt32LE(0x8) + (is64bit ? descriptor.readUInt32LE(0x28) : 0) * 2 ** 32;
}

/** Returns the length of the journal in blocks. */
function checkInode(inode: Buffer, { blockSize, backup }: FileSystem): Result<number> {
  const isFile = (inode.readUInt16LE(0) & 0xf000) === 0x8000;
  const flags = inode.readUInt32LE(0x20);
  // i_flags: extents, and no inline data.
  if (!isFile || inode.readUInt16LE(0x1a) !== 1 || !(flags & 0x80000) || flags & 0x10000000) {
    return refuse('inode 8 is not a file with extents');
  }
  // In the copy the high half of the size comes first.
  const [low, high] = [inode.subarray(0x4, 0x8), inode.subarray(0x6c, 0x70)];
  const tree = inode.subarray(ROOT.start, ROOT.start + ROOT.length);
  if (!Buffer.concat([tree, high, low]).equals(backup)) return refuse('inode 8 differs from its copy');
  const length = (low.readUInt32LE() + high.readUInt32LE() * 2 ** 32) / blockSize;
  return Number.isSafeInteger(length) ? ok(length) : refuse('the size of the journal');
}

/** The extents of the journal in the order of the tree: those in the inode, or in blocks with checksums, one level below. */
async function readExtents(
  read: ReadDevice,
  inode: Buffer,
  fs: FileSystem,
): Promise<Result<readonly Extent[]>> {
  const root = parseNode(inode.subarray(ROOT.start, ROOT.start + ROOT.length));
  if (!root.ok || root.value.depth === 0) return root.ok ? parseLeaf(root.value.entries, 0) : root;
  if (root.value.depth > 1 || fs.checksumSeed === undefined) return refuse('the depth of the extent tree');
  // checksums.rst: over the UUID, the inode's number and generation, and the block up to its checksum.
  const number = Buffer.alloc(4);
  number.writeUInt32LE(JOURNAL_INODE);
  const seed = crc32c(crc32c(fs.checksumSeed, number), inode.subarray(0x64, 0x68));
  const extents: Extent[] = [];
  let logical = 0;
  for (const entry of root.value.entries) {
    const block = entry.readUInt32LE(4) + entry.readUInt16LE(8) * 2 ** 32;
    if (entry.readUInt32LE(0) !== logical || block >= fs.blocks) return refuse('the extent tree');
    const bytes = await readWhole(read, { offset: block * fs.blockSize, length: fs.blockSize });
    if (!bytes.ok) return bytes;
    const node = parseNode(bytes.value);
    if (!node.ok) return node;
    const end = ENTRY + node.value.capacity * ENTRY;
    if (
      node.value.depth !== 0 ||
      crc32c(seed, bytes.value.subarray(0, end)) !== bytes.value.readUInt32LE(end)
    ) {
      return refuse('the extent tree');
    }
    const leaf = parseLeaf(node.value.entries, logical);
    if (!leaf.ok) return leaf;
    extents.push(...leaf.value);
    logical += leaf.value.reduce((sum, { length }) => sum + length, 0);
  }
  return ok(extents);
}

interface Node {
  readonly depth: number;
  readonly capacity: number;
  readonly entries: readonly Buffer[];
}

function parseNode(node: Buffer): Result<Node> {
  const [magic, count, capacity, depth] = [0, 2, 4, 6].map((at) => node.readUInt16LE(at));
  // In a block the checksum takes what is left behind the last entry.
  const room = Math.floor(node.length / ENTRY) - 1;
  if (magic !== 0xf30a || depth === undefined || capacity !== room || count === undefined || count > room) {
    return refuse('the extent tree');
  }
  const entries = Array.from({ length: count }, (_, index) =>
    node.subarray((index + 1) * ENTRY, (index + 2) * ENTRY),
  );
  return ok({ depth, capacity, entries });
}

function parseLeaf(entries: readonly Buffer[], first: number): Result<readonly Extent[]> {
  const extents: Extent[] = [];
  let logical = first;
  for (const entry of entries) {
    const length = entry.readUInt16LE(4);
    // Longer ones are unwritten.
    if (entry.readUInt32LE(0) !== logical || length === 0 || length > 0x8000) return refuse('the extents');
    extents.push({ start: entry.readUInt32LE(8) + entry.readUInt16LE(6) * 2 ** 32, length });
    logical += length;
  }
  return ok(extents);
}

/** Whether the extents are as long as the journal, apart from each other, and inside the file system. */
function checkExtents(extents: readonly Extent[], length: number, fs: FileSystem): Result<void> {
  const inOrder = [...extents].sort((a, b) => a.start - b.start);
  let end = fs.firstBlock + 2; // behind the superblock and the first block of group descriptors
  let total = 0;
  for (const extent of inOrder) {
    if (extent.start < end) return refuse('the extents overlap');
    end = extent.start + extent.length;
    total += extent.length;
  }
  if (end > fs.blocks || total !== length) return refuse('the extents do not fit');
  return ok();
}

/** Whether the journal has nothing to replay, and is the one that was looked for. */
function checkJournal(journal: Buffer, length: number, { blockSize }: FileSystem): Result<void> {
  const [magic, type, , size, blocks, first, , start, error, compatible, incompatible, readOnly] = Array.from(
    { length: 12 },
    (_, index) => journal.readUInt32BE(index * 4),
  );
  if (magic !== 0xc03b3998 || type !== 4) return refuse('there is no JBD2 superblock');
  if (start !== 0 || error !== 0) return refuse('the journal is not empty');
  if (size !== blockSize || blocks !== length || first !== 1) return refuse('the size of the journal');
  if (compatible !== 0 || ((incompatible ?? 0) & ~JOURNAL_INCOMPATIBLE) !== 0 || readOnly !== 0) {
    return refuse('features of the journal');
  }
  return journal.readUInt32BE(64) <= 1 ? ok() : refuse('the journal has several users');
}

/** The Castagnoli polynomial, bits reversed. */
const POLYNOMIAL = 0x82f63b78;

/** CRC32C as ext4 stores it: neither begun nor ended with an inversion. */
function crc32c(start: number, bytes: Buffer): number {
  let value = start >>> 0;
  for (const byte of bytes) {
    value ^= byte;
    for (let bit = 0; bit < 8; bit++) value = value & 1 ? (value >>> 1) ^ POLYNOMIAL : value >>> 1;
  }
  return value >>> 0;
}
