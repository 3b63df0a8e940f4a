// Identifiers of disks, partitions and file systems that are the same each time: made of names.

import { createHash } from 'node:crypto';
import type { Format } from '../model/system/layout.ts';

/** Of all names of vlb: drawn at random, once. */
const NAMESPACE = Buffer.from('4bbd2c0df6be4d53a3c62d6e6ae0a1c9', 'hex');

/** The UUID of a name, of version 5 (RFC 9562). @param words together they are the name */
export function uuidOf(...words: readonly string[]): string {
  const hash = createHash('sha1').update(NAMESPACE).update(JSON.stringify(words)).digest();
  hash[6] = ((hash[6] ?? 0) & 0x0f) | 0x50;
  hash[8] = ((hash[8] ?? 0) & 0x3f) | 0x80;
  const digits = hash.toString('hex', 0, 16);
  return digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}

/** The identifier of a file system of this format: that of a vfat is a number of 32 bits, `1A2B-3C4D`. */
export function contentIdentifier(format: Format, ...words: readonly string[]): string {
  const uuid = uuidOf(...words);
  if (format !== 'vfat') return uuid;
  return `${uuid.slice(0, 4)}-${uuid.slice(4, 8)}`.toUpperCase();
}

/** The identifier of an MBR, which may not be 0. */
export function mbrIdentifier(...words: readonly string[]): string {
  return `0x${uuidOf(...words)
    .slice(0, 8)
    .replace(/^0{8}$/, '00000001')}`;
}
