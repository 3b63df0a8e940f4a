// Recognizes the format of a disk image by its own bytes, and what is incomplete before QEMU opens it: QEMU is never
// asked to guess, since a guest decides what a raw disk contains, and a descriptor would make it open other files.

import type { RecognizedFormat } from '../../model/ports/machine.ts';
import { withFile } from '../../util/fs.ts';
import { leastBytes } from './extent.ts';
import { FOREIGN_HEAD, foreignFile } from './foreign-file.ts';

/** Bytes at the beginning and at the end of a file; the fields that are read here lie within them. */
const HEAD_BYTES = 1024;
const TAIL_BYTES = 512;

interface Ends {
  readonly head: Buffer;
  readonly tail: Buffer;
  readonly size: number;
  /** The beginning, not longer than the file is. */
  readonly start: Buffer;
  /** The bytes that a raw disk with this content must have. */
  readonly least: number;
}

/** The formats as qemu-img names them, by their first bytes (in latin1) or those at another offset. The first match counts. */
const MAGICS: readonly (readonly [format: string, magic: string, offset?: number])[] = [
  ['qcow', 'QFI\xfb\0\0\0\x01'],
  ['qcow2', 'QFI\xfb'],
  ['qed', 'QED\0'],
  ['vmdk', 'KDMV'],
  ['vmdk', 'COWD'],
  ['vmdk', '# Disk DescriptorFile'],
  ['vhdx', 'vhdxfile'],
  ['vpc', 'conectix'],
  ['vdi', '\x7f\x10\xda\xbe', 64],
  ['parallels', 'WithoutFreeSpace'],
  ['parallels', 'WithouFreSpacExt'],
  ['luks', 'LUKS\xba\xbe'],
  ['bochs', 'Bochs Virtual HD Image'],
  ['cloop', '#!/bin/sh\n#V2.0 Format\n'],
];

/** The format of a file, and what keeps it from being read, as far as its header says so. Throws what opening it throws. */
export function recognizeFormat(file: string): RecognizedFormat {
  const ends = readEnds(file);
  const format = recognize(ends);
  const missing = missingPart(format, ends);
  const foreign = format === 'raw' ? foreignFile(ends.start) : undefined;
  const least = format === 'raw' ? ends.least : sizeOf(format, ends);
  return {
    format,
    ...(missing === undefined ? {} : { missing }),
    ...(foreign && { foreign }),
    isTruncated: missing === undefined && ends.size < least,
    isReadOnly: READ_ONLY.includes(format) || isCompressedVmdk(format, ends),
  };
}

/** The formats that QEMU reads, and does not write. */
const READ_ONLY: readonly string[] = ['bochs', 'cloop', 'dmg'];

/** In a stream-optimized VMDK, each cluster can be written once. The flag is in VMware's "Virtual Disk Format 5.0". */
function isCompressedVmdk(format: string, { head }: Ends): boolean {
  const compressed = 1 << 16;
  return (
    format === 'vmdk' && head.toString('latin1', 0, 4) === 'KDMV' && (head.readUInt32LE(8) & compressed) !== 0
  );
}

function readEnds(file: string): Ends {
  return withFile(file, (read, size) => {
    const [start, tail] = [read(0, FOREIGN_HEAD), read(Math.max(0, size - TAIL_BYTES), TAIL_BYTES)];
    // Fields are read beyond the end of a short file too.
    const head = start.length < HEAD_BYTES ? Buffer.concat([start], HEAD_BYTES) : start;
    return { head, tail: Buffer.concat([tail], TAIL_BYTES), size, start, least: leastBytes(read) };
  });
}

function recognize({ head, tail, size }: Ends): string {
  const begins = (magic: string, offset = 0) =>
    head.toString('latin1', offset, offset + magic.length) === magic;
  const found = MAGICS.find(([, magic, offset]) => begins(magic, offset));
  if (found) return found[0];
  // Without a header at its beginning, a VHD of fixed size is a raw disk with a footer that gives the disk's size.
  const isFixedVhd =
    tail.toString('latin1', 0, 8) === 'conectix' && tail.readBigUInt64BE(48) === BigInt(size - TAIL_BYTES);
  if (isFixedVhd) return 'vpc';
  return tail.toString('latin1', 0, 4) === 'koly' ? 'dmg' : 'raw';
}

/** The external data file of qcow2 (docs/interop/qcow2.txt), of the incompatible features. */
const EXTERNAL_DATA = 4n;
/** The type of a VHD that has only the differences to another one. */
const DIFFERENCING = 4;

/** What is not in the file; QEMU itself says that of backing files, without opening them. */
function missingPart(format: string, { head, tail }: Ends): string | undefined {
  switch (format) {
    case 'qcow2': {
      const hasExternalData = head.readUInt32BE(4) >= 3 && (head.readBigUInt64BE(72) & EXTERNAL_DATA) !== 0n;
      return hasExternalData ? 'an external data file' : undefined;
    }
    case 'vmdk': {
      const magic = head.toString('latin1', 0, 4);
      // Without a capacity of its own, it has a descriptor of other files.
      const isDescriptor = magic.startsWith('#') || (magic === 'KDMV' && head.readBigUInt64LE(12) === 0n);
      return isDescriptor ? 'other files' : undefined;
    }
    case 'vpc':
      return tail.toString('latin1', 0, 8) === 'conectix' && tail.readUInt32BE(60) === DIFFERENCING
        ? 'a parent disk'
        : undefined;
    default:
      return undefined;
  }
}

/** The size that the file must have at least, in bytes, for the one format whose size QEMU does not check itself. */
function sizeOf(format: string, { head }: Ends): number {
  if (format !== 'vdi') return 0;
  const [data, blockBytes, blocks] = [344, 376, 388].map((offset) => head.readUInt32LE(offset));
  return (data ?? 0) + (blockBytes ?? 0) * (blocks ?? 0);
}
