// Reads the backing file from a qcow2 header, without starting a process.

import { closeSync, openSync, readSync } from 'node:fs';
import path from 'node:path';
import { parseArtifactFile } from '../../model/artifact.ts';
import { attempt } from '../../util/errors.ts';

const MAGIC = 0x514649fb; // "QFI\xfb"

/**
 * The name of the backing file in a qcow2 header; undefined when it has none or is not a qcow2 file. QEMU's
 * docs/interop/qcow2.txt, "Header": magic at byte 0, the name's offset at 8 (8 bytes), its length at 16 (4 bytes).
 */
export function backingFile(file: string): string | undefined {
  const descriptor = attempt(() => openSync(file, 'r'));
  if (descriptor === undefined) return undefined;
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
    return undefined; // a directory, or a read error
  } finally {
    closeSync(descriptor);
  }
}

/** The name of the artifact that is a file's backing file; undefined when it has none. */
export function backingArtifact(file: string): string | undefined {
  const backing = backingFile(file);
  const name = backing === undefined ? '' : path.basename(backing);
  return parseArtifactFile(name) ? name : undefined;
}

/** "External data file": bit 2 of the incompatible features, 8 bytes at offset 72 of a version 3 header. */
const EXTERNAL_DATA = 4n;

/**
 * The file that a qcow2 file refers to: its backing file, if any. Undefined when it is not a qcow2 file, or refers to
 * others too. Throws node's fs errors.
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
  if (backing === undefined && header.readBigUInt64BE(8) !== 0n) return undefined; // an unreadable reference
  return { file: backing };
}
