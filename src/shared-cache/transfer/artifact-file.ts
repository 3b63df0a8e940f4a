// The file of an artifact being downloaded, hashed while it is written.

import { createHash } from 'node:crypto';
import { closeSync, openSync, writeFileSync } from 'node:fs';
import type { Digest } from '../../model/artifact.ts';

/** All methods throw node's fs errors. */
export class ArtifactFile implements Disposable {
  readonly #hash = createHash('sha256');
  #descriptor: number | undefined;

  /** @param file is created or truncated */
  constructor(file: string) {
    this.#descriptor = openSync(file, 'w');
  }

  write(bytes: Uint8Array): void {
    if (this.#descriptor === undefined) throw new Error('the file is closed');
    this.#hash.update(bytes);
    writeFileSync(this.#descriptor, bytes); // not writeSync: on a nearly full disk it writes a part without an error
  }

  /** Returns the digest of all that was written. */
  end(): Digest {
    this[Symbol.dispose]();
    return this.#hash.digest('hex') as Digest; // SHA-256 of the bytes of an artifact
  }

  [Symbol.dispose](): void {
    const descriptor = this.#descriptor;
    this.#descriptor = undefined;
    if (descriptor !== undefined) closeSync(descriptor);
  }
}
