// Artifacts on their way: read, compressed and sent in parts, or received, unpacked and checked, never more of them in
// memory than a few parts.

import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { Readable, Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createZstdCompress, createZstdDecompress } from 'node:zlib';
import type { Artifact } from '../model/artifact.ts';
import { type Answer, answer, type PartUpload, trouble } from '../model/object-store.ts';
import { type Steady, TroubleError } from './steady.ts';
import type { OnTransfer } from './traffic.ts';

/** S3 takes ten thousand parts an object, of five MiB or more each but for the last. */
const PART_BYTES = 6 * 2 ** 20;
const MOST_PARTS = 10_000;
/** How many parts of one artifact are under way at once. */
const PARTS_AT_ONCE = 3;

/** How long it may take to call off an upload, ms: also who pressed Ctrl-C waits for it. */
const ABORT_WITHIN = 3_000;

/** Each piece goes to another thread and back: with those of 16 KiB that node has by default, half of the time. */
const CHUNK_BYTES = 256 * 1024;

/** Sends a file, compressed; an existing object is replaced. Returns how many bytes went over. Throws node's fs errors. */
export async function upload(
  steady: Steady,
  name: string,
  file: string,
  onTransfer: OnTransfer,
  signal: AbortSignal,
): Promise<Answer<number>> {
  const stop = new AbortController();
  const own = AbortSignal.any([signal, stop.signal]);
  let parts: Parts | undefined;
  let last: Buffer | undefined;
  try {
    for await (const part of packedParts(file, onTransfer)) {
      // The first goes alone when there is no second.
      if (last) {
        if (!parts) {
          const begun = await steady.begin(name, own);
          if (!begun.ok) return begun;
          parts = new Parts(begun.value, own, () => stop.abort());
        }
        await parts.add(last);
      }
      last = part;
      if (own.aborted) break;
    }
    if (!parts) {
      const whole = last ?? Buffer.alloc(0);
      const put = await steady.put(name, whole, 'always', own);
      return put.ok ? answer(whole.length) : put;
    }
    if (last) await parts.add(last);
    return await parts.end();
  } finally {
    await parts?.discard();
  }
}

/** The parts of one upload that are under way. */
class Parts {
  readonly #upload: PartUpload;
  readonly #signal: AbortSignal;
  readonly #stop: () => void;
  readonly #running = new Set<Promise<void>>();
  #count = 0;
  #bytes = 0;
  #failed: Answer<never> | undefined;
  #isComplete = false;

  constructor(upload: PartUpload, signal: AbortSignal, stop: () => void) {
    this.#upload = upload;
    this.#signal = signal;
    this.#stop = stop;
  }

  /** Sends a part as soon as there is room among those that are under way. */
  async add(bytes: Buffer): Promise<void> {
    while (this.#running.size >= PARTS_AT_ONCE) await Promise.race(this.#running);
    const number = ++this.#count;
    this.#bytes += bytes.length;
    if (number > MOST_PARTS) this.#fail(trouble('refused', 'it is too large for S3'));
    if (this.#failed) return;
    const running: Promise<void> = this.#upload.part(number, bytes, this.#signal).then((sent) => {
      this.#running.delete(running);
      if (!sent.ok) this.#fail(sent);
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

/** A file, compressed, in pieces of the size of a part. Throws node's fs errors. */
async function* packedParts(file: string, onTransfer: OnTransfer): AsyncGenerator<Buffer> {
  const source = createReadStream(file, { highWaterMark: CHUNK_BYTES });
  const packer = createZstdCompress({ chunkSize: CHUNK_BYTES });
  let read = 0;
  const counted = async function* () {
    for await (const piece of source) {
      read += piece.length;
      onTransfer(read);
      yield piece;
    }
  };
  const piped = pipeline(counted, packer);
  piped.catch(() => {}); // comes out of the packer too
  try {
    yield* inParts(packer);
    await piped;
  } finally {
    source.destroy();
    packer.destroy();
  }
}

/** Each part is memory of its own, filled once: what is put together from pieces is twice there for a while. */
async function* inParts(pieces: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
  let part = Buffer.allocUnsafeSlow(PART_BYTES);
  let filled = 0;
  for await (const piece of pieces) {
    for (let at = 0; at < piece.length; ) {
      const copied = piece.copy(part, filled, at);
      filled += copied;
      at += copied;
      if (filled < PART_BYTES) continue;
      yield part;
      part = Buffer.allocUnsafeSlow(PART_BYTES);
      filled = 0;
    }
  }
  if (filled > 0) yield part.subarray(0, filled);
}

/**
 * Receives an artifact into a file. Fails as `absent` when it is gone, or what came is not this artifact. Returns how many bytes came over.
 * Throws node's fs errors.
 */
export async function download(
  steady: Steady,
  name: string,
  artifact: Artifact,
  file: string,
  onTransfer: OnTransfer,
  signal: AbortSignal,
): Promise<Answer<number>> {
  let came = 0;
  const counted = async function* () {
    for await (const piece of steady.stream(name, signal)) {
      came += piece.length;
      // Not all that comes unpacks to something, so the check below would let it come for ever.
      if (came > mostPacked(artifact.bytes)) throw new TroubleError(DAMAGED);
      yield piece;
    }
  };
  const hash = createHash('sha256');
  let bytes = 0;
  const check = new Transform({
    transform(piece: Buffer, _encoding, done) {
      bytes += piece.length;
      // However much a few bytes unpack to, no more than was promised is written.
      if (bytes > artifact.bytes) return done(new TroubleError(DAMAGED));
      hash.update(piece);
      onTransfer(bytes);
      done(undefined, piece);
    },
  });
  try {
    await pipeline(
      Readable.from(counted(), { objectMode: false }),
      createZstdDecompress({ chunkSize: CHUNK_BYTES }),
      check,
      createWriteStream(file, { highWaterMark: CHUNK_BYTES }),
      { signal },
    );
  } catch (error) {
    if (signal.aborted) return trouble('interrupted', 'interrupted');
    if (error instanceof TroubleError) {
      const { trouble: why } = error;
      if (why.kind !== 'absent' || why === DAMAGED) return { ok: false, trouble: why };
      return trouble('absent', `is gone: ${why.message}`);
    }
    const { code } = error as NodeJS.ErrnoException; // node's streams throw nothing else
    if (/^ZSTD_|^Z_|^ERR_/.test(code ?? '')) return { ok: false, trouble: DAMAGED };
    throw error;
  }
  const isRight = bytes === artifact.bytes && hash.digest('hex') === artifact.digest;
  return isRight ? answer(came) : { ok: false, trouble: DAMAGED };
}

/** More than any such artifact has, compressed: RFC 8878 adds three bytes to a block of 128 KiB that cannot be made smaller. */
function mostPacked(bytes: number): number {
  return 2 * bytes + 64 * 1024;
}

const DAMAGED = { kind: 'absent', message: 'is damaged' } as const;
