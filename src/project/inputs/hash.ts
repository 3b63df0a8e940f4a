// Content hashes of input files: xxHash64, 16 hexadecimal digits.

import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import xxhash, { type XXHashAPI } from 'xxhash-wasm';

const CHUNK = 1 << 20;
/** A day in milliseconds: the timer never comes to an end. */
const LONG = 86_400_000;

/** Hashes files. */
export interface FileHasher {
  /** The hash of a file's content. Throws Node's error when the file cannot be read. */
  hashFile(file: string): string;
  /** The hash of a buffer. */
  hashBytes(bytes: Uint8Array): string;
  /** Starts a hash of bytes that arrive in pieces. */
  hashPieces(): PieceHasher;
}

export interface PieceHasher {
  update(bytes: Uint8Array): void;
  digest(): string;
}

/** Returns the hasher, which is created on first use: a build with nothing to do hashes nothing. */
export type LoadHasher = () => Promise<FileHasher>;

/** A hasher that is created once and on demand, since compiling the WebAssembly module takes two milliseconds. */
export function lazyFileHasher(): LoadHasher {
  let made: Promise<FileHasher> | undefined;
  return () => {
    made ??= createFileHasher();
    return made;
  };
}

export async function createFileHasher(): Promise<FileHasher> {
  const api = await compiled();
  const buffer = Buffer.allocUnsafe(CHUNK);
  return {
    hashFile: (file) => hashFile(api, buffer, file),
    hashBytes: (bytes) => hex(api.h64Raw(bytes)),
    hashPieces: () => {
      const state = api.create64();
      return { update: (bytes) => void state.update(bytes), digest: () => hex(state.digest()) };
    },
  };
}

/** The module. Compiling it does not keep Node's event loop alive, so that a process with nothing else to wait for would end. */
async function compiled(): Promise<XXHashAPI> {
  const timer = setInterval(() => undefined, LONG);
  try {
    return await xxhash();
  } finally {
    clearInterval(timer);
  }
}

function hashFile(api: XXHashAPI, buffer: Buffer, file: string): string {
  const descriptor = openSync(file, 'r');
  try {
    if (fstatSync(descriptor).size <= CHUNK) {
      const count = readFully(descriptor, buffer);
      if (count < CHUNK) return hex(api.h64Raw(buffer.subarray(0, count)));
    }
    const state = api.create64();
    let position = 0;
    for (;;) {
      const count = readSync(descriptor, buffer, 0, CHUNK, position);
      if (count === 0) return hex(state.digest());
      state.update(buffer.subarray(0, count));
      position += count;
    }
  } finally {
    closeSync(descriptor);
  }
}

/** Reads until the buffer is full or the file ends. */
function readFully(descriptor: number, buffer: Buffer): number {
  let filled = 0;
  while (filled < buffer.length) {
    const count = readSync(descriptor, buffer, filled, buffer.length - filled, filled);
    if (count === 0) break;
    filled += count;
  }
  return filled;
}

function hex(value: bigint): string {
  return value.toString(16).padStart(16, '0');
}
