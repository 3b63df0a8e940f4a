// The file of an artifact that arrives, hashed while it is written.

import { createHash } from 'node:crypto';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import type { Digest } from '../../model/artifact.ts';

/** All of it throws node's fs errors. */
export class ArtifactFile implements Disposable {
  readonly #hash = createHash('sha256');
  #descriptor: number | undefined;

  /** @param file is made, or made empty */
  constructor(file: string) {
    this.#descriptor = openSync(file, 'w');
  }

  write(bytes: Uint8Array): void {
    if (this.#descriptor === undefined) throw new Error('it was closed');
    this.#hash.update(bytes);
    writeFileSync(this.#descriptor, bytes); // not writeSync: a disk that is nearly full takes a part, and says nothing
  }

  /** Returns the digest of all that was written. */
  end(): Digest {
    this[Symbol.dispose]();
    return this.#hash.digest('hex') as Digest; // of the bytes of an artifact
  }

  [Symbol.dispose](): void {
    const descriptor = this.#descriptor;
    this.#descriptor = undefined;
    if (descriptor !== undefined) closeSync(descriptor);
  }
}
