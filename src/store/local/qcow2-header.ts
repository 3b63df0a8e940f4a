// Reads the one field of a qcow2 header that the links in build/ need, without starting a process.

import { closeSync, openSync, readSync } from 'node:fs';

const MAGIC = 0x514649fb; // "QFI\xfb"

/**
 * The backing file's name as it stands in a qcow2 file's header; undefined when it has none or is no qcow2 file.
 * QEMU's docs/interop/qcow2.txt, "Header": magic at byte 0, the name's offset at 8 (8 bytes), its length at 16 (4 bytes).
 */
export function backingFile(file: string): string | undefined {
  let descriptor: number;
  try {
    descriptor = openSync(file, 'r');
  } catch {
    return undefined;
  }
  try {
    const header = Buffer.alloc(20);
    if (readSync(descriptor, header, 0, 20, 0) < 20 || header.readUInt32BE(0) !== MAGIC) return undefined;
    const offset = header.readBigUInt64BE(8);
    const name = Buffer.alloc(Math.min(header.readUInt32BE(16), 1023)); // the specification's greatest length
    if (offset === 0n || name.length === 0) return undefined;
    if (offset > BigInt(Number.MAX_SAFE_INTEGER)) return undefined; // damaged
    const count = readSync(descriptor, name, 0, name.length, offset);
    return count === name.length ? name.toString() : undefined;
  } catch {
    return undefined; // a directory, or a disk that cannot be read
  } finally {
    closeSync(descriptor);
  }
}

/** "external data file", bit 2 of the incompatible features, the eight bytes at 72 of a header of version 3 or later. */
const EXTERNAL_DATA = 4n;

/**
 * What a qcow2 file takes its content from besides itself: nothing but the backing file, if any. Undefined when it is no
 * qcow2 file, or takes it from elsewhere too.
 */
export function referencesOf(file: string): { readonly file: string | undefined } | undefined {
  const header = Buffer.alloc(80);
  const descriptor = openSync(file, 'r');
  try {
    if (readSync(descriptor, header, 0, 80, 0) < 72 || header.readUInt32BE(0) !== MAGIC) return undefined;
  } finally {
    closeSync(descriptor);
  }
  const isVersion2 = header.readUInt32BE(4) < 3;
  if (!isVersion2 && (header.readBigUInt64BE(72) & EXTERNAL_DATA) !== 0n) return undefined;
  const backing = backingFile(file);
  if (backing === undefined && header.readBigUInt64BE(8) !== 0n) return undefined; // a reference that cannot be read
  return { file: backing };
}
