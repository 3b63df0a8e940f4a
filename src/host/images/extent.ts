// How long a raw disk is by what is on it: QEMU takes a truncated one as it is, and what is missing for zeros.

import type { ReadAt } from '../../util/fs.ts';

/**
 * The bytes that a raw disk must have at least, by its partition table; without one, by the file system that begins at its first
 * byte. 0 where neither says it.
 */
export function leastBytes(read: ReadAt): number {
  const head = read(0, 8192);
  if (head.length < 512) return 0;
  for (const sector of [512, 4096]) {
    if (head.toString('latin1', sector, sector + 8) === 'EFI PART') return gptBytes(read, head, sector);
  }
  const isMbr = head.readUInt16LE(510) === 0xaa55;
  return (isMbr ? mbrBytes(head) : 0) || fileSystemBytes(read);
}

/** UEFI Specification, chapter 5: the header has the place of the entries, their number and size; each has its last sector. */
function gptBytes(read: ReadAt, head: Buffer, sector: number): number {
  const [at, count, size] = [
    Number(head.readBigUInt64LE(sector + 72)),
    head.readUInt32LE(sector + 80),
    head.readUInt32LE(sector + 84),
  ];
  if (size < 128 || size > 4096 || count > 1024) return 0; // damaged
  const entries = read(at * sector, count * size);
  let last = 0;
  for (let entry = 0; entry + 48 <= entries.length; entry += size) {
    const isUsed = entries.subarray(entry, entry + 16).some((byte) => byte !== 0);
    if (isUsed) last = Math.max(last, Number(entries.readBigUInt64LE(entry + 40)) + 1);
  }
  return last * sector;
}

/** The four entries of an MBR; what is none, the boot code of a file system for example, has other first bytes. */
function mbrBytes(head: Buffer): number {
  const entries = [446, 462, 478, 494].map((at) => ({
    status: head[at] ?? 0,
    type: head[at + 4] ?? 0,
    start: head.readUInt32LE(at + 8),
    sectors: head.readUInt32LE(at + 12),
  }));
  if (entries.some(({ status }) => status !== 0 && status !== 0x80)) return 0;
  const used = entries.filter(({ type, sectors }) => type !== 0 && type !== PROTECTIVE && sectors !== 0);
  return Math.max(0, ...used.map(({ start, sectors }) => start + sectors)) * 512;
}

/** The type of the entry that covers a GPT, often with the largest size. */
const PROTECTIVE = 0xee;

/** The superblocks of the file systems that vlb finds systems on; for their fields, see those of the kernel's sources. */
function fileSystemBytes(read: ReadAt): number {
  const ext4 = read(1024, 1024);
  if (ext4.length === 1024 && ext4.readUInt16LE(0x38) === 0xef53) {
    const is64bit = (ext4.readUInt32LE(0x60) & 0x80) !== 0;
    const blocks = ext4.readUInt32LE(4) + (is64bit ? ext4.readUInt32LE(0x150) * 2 ** 32 : 0);
    return blocks * 1024 * 2 ** Math.min(6, ext4.readUInt32LE(0x18));
  }
  const xfs = read(0, 16);
  if (xfs.toString('latin1', 0, 4) === 'XFSB') return xfs.readUInt32BE(4) * Number(xfs.readBigUInt64BE(8));
  const btrfs = read(64 * 1024, 256);
  if (btrfs.toString('latin1', 64, 72) === '_BHRfS_M') return Number(btrfs.readBigUInt64LE(112));
  return 0;
}
