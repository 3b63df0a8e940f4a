// Decompresses a base image: xz, gzip or zstd, regardless of the file's name.

import { closeSync, createReadStream, createWriteStream, openSync, readSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { ok, type Result } from '../../model/failure.ts';
import type { Host } from '../../model/ports/machine.ts';

/** The first bytes of each format (RFC 1952; RFC 8878; the .xz format's section 2.1.1.1). */
const PACKINGS = [
  { name: 'gz', magic: '1f8b' },
  { name: 'zst', magic: '28b52ffd' },
  { name: 'xz', magic: 'fd377a585a00' },
] as const;

/** Returns the path of the unpacked file: `target`, or `file` itself when it is not packed. Throws node's stream errors. */
export async function unpack(
  file: string,
  target: string,
  { host, signal }: { readonly host: Host; readonly signal: AbortSignal },
): Promise<Result<string>> {
  const packing = packingOf(file);
  if (packing === undefined) return ok(file);
  if (packing === 'xz') {
    const done = await host.unpackXz(file, target, signal);
    return done.ok ? ok(target) : done;
  }
  const unpacking = packing === 'gz' ? createGunzip() : createZstdDecompress();
  await pipeline(createReadStream(file), unpacking, createWriteStream(target), { signal });
  return ok(target);
}

function packingOf(file: string): (typeof PACKINGS)[number]['name'] | undefined {
  const head = Buffer.alloc(6);
  const descriptor = openSync(file, 'r');
  try {
    readSync(descriptor, head, 0, 6, 0);
  } finally {
    closeSync(descriptor);
  }
  return PACKINGS.find(({ magic }) => head.toString('hex').startsWith(magic))?.name;
}
