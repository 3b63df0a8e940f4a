// Writes that a crash or a power cut leaves either complete or absent. All functions throw node's fs errors.

import { createHash } from 'node:crypto';
import { closeSync, fsyncSync, openSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Digest } from '../../model/artifact.ts';
import { makeSharedDirectory, shareWithGroup } from './group-access.ts';

/** fsync(2) of a file, which may take long; throws an AbortError when the signal comes first. */
export async function flushFile(file: string, signal: AbortSignal): Promise<void> {
  // Loaded late: a build with nothing to do flushes nothing.
  const { open } = await import('node:fs/promises');
  const handle = await open(file, 'r');
  // A flush cannot be cancelled, only abandoned: the file is closed when it ends.
  const flushed = handle.sync().finally(() => handle.close());
  flushed.catch(() => {}); // thrown below, unless the flush was abandoned
  await Promise.race([flushed, once(signal)]);
  signal.throwIfAborted();
}

/** fsync(2) of a directory: makes the names in it durable. */
export function flushDirectory(directory: string): void {
  flush(directory);
}

/** Makes a directory and its parents, and flushes the name of each. */
export function makeDirectoryDurably(directory: string): void {
  const first = makeSharedDirectory(directory);
  if (first === undefined) return;
  for (let made = directory; made.length >= first.length; made = path.dirname(made)) {
    flushDirectory(path.dirname(made));
  }
}

/** Writes a new file and flushes it. */
export function writeFileDurably(file: string, text: string): void {
  const descriptor = openSync(file, 'w', 0o644);
  try {
    writeFileSync(descriptor, text); // not writeSync: on a nearly full disk it writes a part without an error
    shareWithGroup(file);
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}

/** SHA-256 of a file's bytes. Throws an AbortError on the signal. */
export async function digestFile(file: string, signal: AbortSignal): Promise<Digest> {
  const hash = createHash('sha256');
  // Loaded late: a build with nothing to do reads no artifact.
  const { filePieces } = await import('./file-pieces.ts');
  for await (const piece of filePieces(file, { bytes: 1 << 20, atOnce: 1 })) {
    signal.throwIfAborted();
    hash.update(piece);
  }
  signal.throwIfAborted();
  return hash.digest('hex') as Digest; // the one place that makes digests of artifacts
}

/** Settles when the signal aborts. */
function once(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function flush(name: string): void {
  const descriptor = openSync(name, 'r');
  try {
    fsyncSync(descriptor);
  } finally {
    closeSync(descriptor);
  }
}
