// Writing so that a crash or a power cut leaves either nothing or all of it. All functions throw node's fs errors.

import { createHash } from 'node:crypto';
import { closeSync, createReadStream, fsyncSync, openSync, writeSync } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import type { Digest } from '../model/artifact.ts';

/** fsync(2) of a file's data. */
export function flushFile(file: string): void {
  flush(file);
}

/** fsync(2) of a directory: makes the names in it durable. */
export function flushDirectory(directory: string): void {
  flush(directory);
}

/** Writes a new file and flushes it. */
export function writeFileDurably(file: string, text: string): void {
  const descriptor = openSync(file, 'w', 0o644);
  try {
    writeSync(descriptor, text);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** SHA-256 of a file's bytes. */
export async function digestFile(file: string): Promise<Digest> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(file, { highWaterMark: 1 << 20 }), hash);
  return hash.digest('hex') as Digest; // the one place that makes digests of artifacts
}

function flush(name: string): void {
  const descriptor = openSync(name, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
