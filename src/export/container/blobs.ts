// Files that are named after their bytes.

import { createHash } from 'node:crypto';
import { createReadStream, mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pipeline } from 'node:stream/promises';

export interface Blob {
  readonly mediaType: string;
  /** SHA-256, 64 hexadecimal digits. */
  readonly digest: string;
  /** Bytes. */
  readonly size: number;
}

export function digestOf(content: string): string {
  return createHash('sha256').update(content).digest('hex');
}

/** Throws node's fs errors, and the reason of the signal. */
export async function digestOfFile(file: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file, { highWaterMark: 1024 * 1024 }), hash, { signal });
  return hash.digest('hex');
}

/** The directory for the blobs of an OCI layout, which is created. */
export function blobsIn(layout: string): string {
  const directory = path.join(layout, 'blobs', 'sha256');
  mkdirSync(directory, { recursive: true });
  return directory;
}

/** Moves a file among the blobs. Throws as `digestOfFile`. */
export async function addFile(
  blobs: string,
  file: string,
  mediaType: string,
  signal: AbortSignal,
): Promise<Blob> {
  const digest = await digestOfFile(file, signal);
  const { size } = statSync(file);
  renameSync(file, path.join(blobs, digest));
  return { mediaType, digest, size };
}

/** Throws node's fs errors. */
export function addText(blobs: string, content: string): void {
  writeFileSync(path.join(blobs, digestOf(content)), content);
}
