// Writes and hashes an artifact while it is downloaded. A large one does so in a thread of its own (writer-thread.ts):
// downloading, unpacking, hashing and writing in one thread takes half as long again (docs/performance.md).

import { Worker } from 'node:worker_threads';
import type { Digest } from '../../model/artifact.ts';
import { ArtifactFile } from './artifact-file.ts';
import { free, ownMemory } from './memory.ts';

/** How many pieces may wait in memory to be written. */
const MOST_WAITING = 4;

/** A message to the thread: a piece, or the end. */
export type ToThread = Uint8Array | 'end';

/** The thread's answer to each piece and to the end. Nothing follows a failure. */
export type FromThread =
  | { readonly type: 'written' }
  | { readonly type: 'ended'; readonly digest: Digest }
  | { readonly type: 'failed'; readonly code: string; readonly message: string };

export interface ArtifactWriter extends AsyncDisposable {
  /**
   * Appends a piece and frees its memory. Resolves when the next one may be written. Throws node's fs errors.
   */
  write(piece: Uint8Array): Promise<void>;
  /** The digest of all that was written. Throws node's fs errors. */
  end(): Promise<Digest>;
}

/** Starting a thread takes as long as writing this many bytes. */
const SMALL = 16 * 2 ** 20;

/**
 * Opens a writer, with a thread of its own for large artifacts.
 * @param file is created or truncated
 * @param bytes how many will be written
 */
export function openWriter(file: string, bytes: number): ArtifactWriter {
  return bytes < SMALL ? new PlainWriter(file) : new ThreadWriter(file);
}

class PlainWriter implements ArtifactWriter {
  readonly #file: ArtifactFile;

  constructor(file: string) {
    this.#file = new ArtifactFile(file);
  }

  async write(piece: Uint8Array): Promise<void> {
    this.#file.write(piece);
    free(piece);
  }

  async end(): Promise<Digest> {
    return this.#file.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#file[Symbol.dispose]();
  }
}

class ThreadWriter implements ArtifactWriter {
  readonly #thread: Worker;
  #waiting = 0;
  #digest: Digest | undefined;
  #failed: Error | undefined;
  /** Called after each message of the thread. */
  #onMessage = () => {};

  constructor(file: string) {
    this.#thread = new Worker(new URL('./writer-thread.ts', import.meta.url), { workerData: file });
    this.#thread.on('message', (message: FromThread) => {
      if (message.type === 'written') this.#waiting--;
      else if (message.type === 'ended') this.#digest = message.digest;
      else this.#failed ??= Object.assign(new Error(message.message), { code: message.code });
      this.#onMessage();
    });
    const fail = (error: unknown) => {
      this.#failed ??= error instanceof Error ? error : new Error(String(error));
      this.#onMessage();
    };
    this.#thread.on('error', fail);
    this.#thread.on('exit', () => fail('the writer thread exited'));
  }

  async write(piece: Uint8Array): Promise<void> {
    this.#waiting++;
    const memory = ownMemory(piece);
    this.#post(piece, memory ? [memory] : []);
    while (this.#waiting >= MOST_WAITING) await this.#answer();
  }

  async end(): Promise<Digest> {
    this.#post('end');
    for (;;) {
      if (this.#digest !== undefined) return this.#digest;
      await this.#answer();
    }
  }

  /** Discards what is not written yet. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#thread.terminate();
  }

  #post(message: ToThread, transferred: readonly ArrayBuffer[] = []): void {
    this.#thread.postMessage(message, transferred);
  }

  async #answer(): Promise<void> {
    if (this.#failed) throw this.#failed;
    await new Promise<void>((resolve) => {
      this.#onMessage = resolve;
    });
    if (this.#failed) throw this.#failed;
  }
}
