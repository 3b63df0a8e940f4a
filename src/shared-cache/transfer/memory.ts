// The memory of what passes by. The garbage collector would give it back too, in its own time: when tens of megabytes of it have
// piled up.

/** The memory of bytes, where it is theirs alone: small ones share theirs with others (`Buffer.poolSize`). */
export function ownMemory({ buffer }: Uint8Array): ArrayBuffer | undefined {
  return buffer instanceof ArrayBuffer && buffer.byteLength > Buffer.poolSize ? buffer : undefined;
}

/** Gives the memory of bytes back at once; whoever still has them finds none. */
export function free(bytes: Uint8Array): void {
  ownMemory(bytes)?.transfer(0);
}
