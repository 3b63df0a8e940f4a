// Frees the memory of transferred bytes at once. The garbage collector would free it only after tens of megabytes have
// accumulated (docs/performance.md).

/** The memory of bytes if they own it: small ones share a pool (`Buffer.poolSize`). */
export function ownMemory({ buffer }: Uint8Array): ArrayBuffer | undefined {
  return buffer instanceof ArrayBuffer && buffer.byteLength > Buffer.poolSize ? buffer : undefined;
}

/** Frees the memory of bytes, which are empty afterwards. */
export function free(bytes: Uint8Array): void {
  ownMemory(bytes)?.transfer(0);
}
