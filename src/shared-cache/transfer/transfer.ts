// Transfers of artifacts: read, compressed and uploaded in parts, or downloaded, unpacked and verified, with only a few
// parts in memory.

import type { ArtifactDisk } from '../../model/artifact.ts';
import { type Answer, answer, type PartUpload, storeError } from '../../model/ports/object-store.ts';
import type { Pieces } from '../../model/ports/store.ts';
import type { OnTransfer } from '../cache/traffic.ts';
import { type RetryingObjectStore, StoreException } from '../objects/retrying.ts';
import { FRAME_BYTES, FRAMES_AT_ONCE, FrameError, pack, unpack } from './frames.ts';
import { openWriter } from './writer.ts';

/** S3 accepts at most 10,000 parts an object, of at least 5 MiB each except the last. */
const PART_BYTES = 6 * 2 ** 20;
const MOST_PARTS = 10_000;
/** How many parts of one artifact are uploaded at the same time. */
const PARTS_AT_ONCE = 3;

/** How `upload` expects the bytes of an artifact. */
export const ARTIFACT_CUT: Pieces = { bytes: FRAME_BYTES, atOnce: FRAMES_AT_ONCE };

/** The timeout for cancelling an upload, ms: Ctrl-C waits for it. */
const ABORT_WITHIN = 3_000;

/**
 * Uploads an artifact, compressed; replaces an existing object. Returns the number of uploaded bytes. Throws what
 * `pieces` throws.
 * @param pieces cut as ARTIFACT_CUT
 */
export async function upload(
  objects: RetryingObjectStore,
  name: string,
  pieces: AsyncIterable<Buffer>,
  onTransfer: OnTransfer,
  signal: AbortSignal,
): Promise<Answer<number>> {
  const stop = new AbortController();
  const own = AbortSignal.any([signal, stop.signal]);
  const buffers = new PartBuffers();
  let parts: Parts | undefined;
  let last: Buffer | undefined;
  try {
    for await (const part of packedParts(pieces, buffers, onTransfer)) {
      // A single part is uploaded without a multipart upload.
      if (last) {
        if (!parts) {
          const begun = await objects.begin(name, own);
          if (!begun.ok) return begun;
          parts = new Parts(begun.value, buffers, own, () => stop.abort());
        }
        await parts.add(last);
      }
      last = part;
      if (own.aborted) break;
    }
    if (!parts) {
      const whole = last ?? Buffer.alloc(0);
      const put = await objects.put(name, whole, 'always', own);
      return put.ok ? answer(whole.length) : put;
    }
    if (last) await parts.add(last);
    return await parts.end();
  } finally {
    await parts?.discard();
  }
}

/** Reused buffers for parts: buffers left to the garbage collector pile up before it runs. */
class PartBuffers {
  readonly #free: Buffer[] = [];

  take(): Buffer {
    return this.#free.pop() ?? Buffer.allocUnsafeSlow(PART_BYTES);
  }

  /** Takes back the buffer of an uploaded part. */
  giveBack(part: Buffer): void {
    if (part.length === PART_BYTES) this.#free.push(part);
  }
}

/** The parts of one upload. */
class Parts {
  readonly #upload: PartUpload;
  readonly #buffers: PartBuffers;
  readonly #signal: AbortSignal;
  readonly #stop: () => void;
  readonly #running = new Set<Promise<void>>();
  #count = 0;
  #bytes = 0;
  #failed: Answer<never> | undefined;
  #isComplete = false;

  constructor(upload: PartUpload, buffers: PartBuffers, signal: AbortSignal, stop: () => void) {
    this.#upload = upload;
    this.#buffers = buffers;
    this.#signal = signal;
    this.#stop = stop;
  }

  /** Uploads a part, after waiting while PARTS_AT_ONCE others are on their way. */
  async add(bytes: Buffer): Promise<void> {
    while (this.#running.size >= PARTS_AT_ONCE) await Promise.race(this.#running);
    const number = ++this.#count;
    this.#bytes += bytes.length;
    if (number > MOST_PARTS) this.#fail(storeError('refused', 'the artifact is too large for S3'));
    if (this.#failed) return;
    const running: Promise<void> = this.#upload.part(number, bytes, this.#signal).then((sent) => {
      this.#running.delete(running);
      if (sent.ok) this.#buffers.giveBack(bytes);
      else this.#fail(sent);
    });
    this.#running.add(running);
  }

  async end(): Promise<Answer<number>> {
    await Promise.all(this.#running);
    if (this.#failed) return this.#failed;
    const done = await this.#upload.complete(this.#signal);
    if (!done.ok) return done;
    this.#isComplete = true;
    return answer(this.#bytes);
  }

  async discard(): Promise<void> {
    if (this.#isComplete) return;
    this.#stop();
    await Promise.all(this.#running);
    await this.#upload.abort(AbortSignal.timeout(ABORT_WITHIN));
  }

  #fail(failed: Answer<never>): void {
    this.#failed ??= failed;
    this.#stop();
  }
}

/** The compressed bytes in pieces of the size of a part. */
async function* packedParts(
  pieces: AsyncIterable<Buffer>,
  buffers: PartBuffers,
  onTransfer: OnTransfer,
): AsyncGenerator<Buffer> {
  let read = 0;
  const counted = async function* () {
    for await (const piece of pieces) {
      read += piece.length;
      onTransfer(read);
      yield piece;
    }
  };
  yield* inParts(pack(counted()), buffers);
}

/** Copies pieces into the buffers of parts: concatenating them would use twice the memory. */
async function* inParts(pieces: AsyncIterable<Buffer>, buffers: PartBuffers): AsyncGenerator<Buffer> {
  let part = buffers.take();
  let filled = 0;
  for await (const piece of pieces) {
    for (let at = 0; at < piece.length; ) {
      const copied = piece.copy(part, filled, at);
      filled += copied;
      at += copied;
      if (filled < PART_BYTES) continue;
      yield part;
      part = buffers.take();
      filled = 0;
    }
  }
  if (filled > 0) yield part.subarray(0, filled);
}

/**
 * Downloads an artifact into a file. Fails as `absent` when it is gone, or the bytes are not this artifact. Returns the
 * number of downloaded bytes. Throws node's fs errors.
 */
export async function download(
  objects: RetryingObjectStore,
  name: string,
  disk: ArtifactDisk,
  file: string,
  onTransfer: OnTransfer,
  signal: AbortSignal,
): Promise<Answer<number>> {
  let received = 0;
  const counted = async function* () {
    for await (const piece of objects.stream(name, signal)) {
      received += piece.length;
      yield piece;
    }
  };
  try {
    const isMatch = await write(file, unpack(counted()), disk, onTransfer);
    return isMatch ? answer(received) : DAMAGED;
  } catch (error) {
    if (signal.aborted) return storeError('interrupted', 'interrupted');
    if (error instanceof FrameError) return DAMAGED;
    if (!(error instanceof StoreException)) throw error;
    const { reason } = error;
    return reason.kind === 'absent'
      ? storeError('absent', `is gone: ${reason.message}`)
      : { ok: false, error: reason };
  }
}

/** Writes the bytes of an artifact to a file, at most as many as it has. Returns whether they match its digest. */
async function write(
  file: string,
  pieces: AsyncIterable<Buffer>,
  disk: ArtifactDisk,
  onTransfer: OnTransfer,
): Promise<boolean> {
  let bytes = 0;
  await using writer = openWriter(file, disk.bytes);
  for await (const piece of pieces) {
    bytes += piece.length;
    if (bytes > disk.bytes) return false;
    onTransfer(bytes);
    await writer.write(piece);
  }
  return (await writer.end()) === disk.digest && bytes === disk.bytes;
}

const DAMAGED = storeError('absent', 'is damaged');
