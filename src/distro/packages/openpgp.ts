// Fingerprints of OpenPGP keys, to compare a key file with the fingerprint that its user expects: RFC 9580, sections 4.2
// (packets), 5.5.4 (fingerprints) and 6.2 (armor). Nothing is verified with the keys here; the image's own tools do that.

import { createHash } from 'node:crypto';

const PUBLIC_KEY = 6;

/** The fingerprints of the primary keys in a file, in upper-case hexadecimal; undefined if it is not a file of OpenPGP keys. */
export function keyFingerprints(file: Buffer): readonly string[] | undefined {
  const blocks = isArmored(file) ? armoredBlocks(file.toString('latin1')) : [file];
  const found: string[] = [];
  for (const block of blocks) {
    const packets = packetsOf(block);
    if (packets === undefined) return undefined;
    for (const { tag, body } of packets) {
      if (tag !== PUBLIC_KEY) continue;
      const fingerprint = fingerprintOf(body);
      if (fingerprint === undefined) return undefined;
      found.push(fingerprint);
    }
  }
  return found.length === 0 ? undefined : found;
}

/** Whether a key file is text, which apt expects under the name .asc. */
export function isArmored(file: Buffer): boolean {
  return file.includes('-----BEGIN PGP PUBLIC KEY BLOCK-----');
}

function armoredBlocks(text: string): Buffer[] {
  const block = /-----BEGIN PGP PUBLIC KEY BLOCK-----\r?\n([\s\S]*?)-----END PGP PUBLIC KEY BLOCK-----/g;
  return [...text.matchAll(block)].map(([, inner = '']) => {
    const lines = inner.split(/\r?\n/);
    // Headers, `Comment: …`, end with an empty line; a line that begins with "=" is the checksum.
    const data = lines.slice(lines.indexOf('') + 1).filter((line) => !line.startsWith('='));
    return Buffer.from(data.join(''), 'base64');
  });
}

interface Packet {
  readonly tag: number;
  readonly body: Buffer;
}

function packetsOf(block: Buffer): readonly Packet[] | undefined {
  const packets: Packet[] = [];
  let at = 0;
  while (at < block.length) {
    const head = headOf(block, at);
    if (head === undefined || head.start + head.length > block.length) return undefined;
    packets.push({ tag: head.tag, body: block.subarray(head.start, head.start + head.length) });
    at = head.start + head.length;
  }
  return packets;
}

interface Head {
  readonly tag: number;
  /** Where its body starts. */
  readonly start: number;
  readonly length: number;
}

/** The head of the packet at an offset. Bodies in parts, or of a length that only the end of the file gives, are not for keys. */
function headOf(block: Buffer, at: number): Head | undefined {
  const first = block[at] ?? 0;
  if ((first & 0x80) === 0) return undefined;
  if ((first & 0x40) === 0) {
    const bytes = [1, 2, 4][first & 3];
    if (bytes === undefined || at + 1 + bytes > block.length) return undefined;
    return { tag: (first >> 2) & 15, start: at + 1 + bytes, length: block.readUIntBE(at + 1, bytes) };
  }
  const tag = first & 63;
  const length = block[at + 1] ?? 255;
  if (length < 192) return { tag, start: at + 2, length };
  if (length < 224) return { tag, start: at + 3, length: ((length - 192) << 8) + (block[at + 2] ?? 0) + 192 };
  if (length < 255 || at + 6 > block.length) return undefined;
  return { tag, start: at + 6, length: block.readUInt32BE(at + 2) };
}

function fingerprintOf(body: Buffer): string | undefined {
  if (body[0] === 4) return digest('sha1', Buffer.from([0x99, body.length >> 8, body.length & 255]), body);
  if (body[0] !== 6) return undefined;
  const head = Buffer.alloc(5, 0x9b);
  head.writeUInt32BE(body.length, 1);
  return digest('sha256', head, body);
}

function digest(algorithm: 'sha1' | 'sha256', head: Buffer, body: Buffer): string {
  return createHash(algorithm).update(head).update(body).digest('hex').toUpperCase();
}
