// Writes an artifact that arrives, and hashes it. A large one has a thread of its own for that (writer-thread.ts): the
// thread that receives has enough to do, and whichever does both takes half as long again.

import { Worker } from 'node:worker_threads';
import type { Digest } from '../../model/artifact.ts';
import { ArtifactFile } from './artifact-file.ts';
import { free, ownMemory } from './memory.ts';

/** How many pieces may wait for being written: they are held in memory. */
const MOST_WAITING = 4;

/** What the thread is told: a piece, or that there are no more. */
export type ToThread = Uint8Array | 'end';

/** What it answers: to each piece, and at the end. After a failure nothing more comes. */
export type FromThread =
  | { readonly type: 'written' }
  | { readonly type: 'ended'; readonly digest: Digest }
  | { readonly type: 'failed'; readonly code: string; readonly message: string };

export interface ArtifactWriter extends AsyncDisposable {
  /**
   * Writes a piece behind those before it, and takes its memory away. Returns when there is room for the next. Throws node's fs
   * errors.
   */
  write(piece: Uint8Array): Promise<void>;
  /** Returns the digest of all that was written. Throws node's fs errors. */
  end(): Promise<Digest>;
}

/** A thread takes as long to begin as writing so many bytes does. */
const SMALL = 16 * 2 ** 20;

/**
 * @param file is made, or made empty
 * @param bytes how many are going to be written
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
  /** Called when the thread told something. */
  #onTold = () => {};

  constructor(file: string) {
    this.#thread = new Worker(new URL('./writer-thread.ts', import.meta.url), { workerData: file });
    this.#thread.on('message', (told: FromThread) => {
      if (told.type === 'written') this.#waiting--;
      else if (told.type === 'ended') this.#digest = told.digest;
      else this.#failed ??= Object.assign(new Error(told.message), { code: told.code });
      this.#onTold();
    });
    const fail = (error: unknown) => {
      this.#failed ??= error instanceof Error ? error : new Error(String(error));
      this.#onTold();
    };
    this.#thread.on('error', fail);
    this.#thread.on('exit', () => fail('the thread that writes has ended'));
  }

  async write(piece: Uint8Array): Promise<void> {
    this.#waiting++;
    const memory = ownMemory(piece);
    this.#tell(piece, memory ? [memory] : []);
    while (this.#waiting >= MOST_WAITING) await this.#answer();
  }

  async end(): Promise<Digest> {
    this.#tell('end');
    for (;;) {
      if (this.#digest !== undefined) return this.#digest;
      await this.#answer();
    }
  }

  /** What was not written by now never is. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#thread.terminate();
  }

  #tell(told: ToThread, transferred: readonly ArrayBuffer[] = []): void {
    this.#thread.postMessage(told, transferred);
  }

  async #answer(): Promise<void> {
    if (this.#failed) throw this.#failed;
    await new Promise<void>((resolve) => {
      this.#onTold = resolve;
    });
    if (this.#failed) throw this.#failed;
  }
}
