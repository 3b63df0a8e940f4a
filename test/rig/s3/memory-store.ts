// An object store that is a map, and that can be made to lack what a server may lack.

import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import {
  type Answer,
  answer,
  type Condition,
  type ListPage,
  type ObjectInfo,
  type ObjectStore,
  type PartUpload,
  type Received,
  storeError,
} from '../../../src/model/ports/object-store.ts';

interface Stored {
  readonly bytes: Buffer;
  readonly tag: string;
  readonly modified: number;
}

/** How many objects a page of a list has. */
const PAGE = 3;

export class MemoryStore implements ObjectStore {
  readonly place = 's3://memory';
  readonly objects = new Map<string, Stored>();
  /** Names for which writes have no conditions, whatever is asked. */
  readonly #unconditional: RegExp | undefined;

  /** The server's clock. */
  readonly now: () => number;

  constructor(options: { readonly unconditional?: RegExp; readonly now?: () => number } = {}) {
    this.#unconditional = options.unconditional;
    this.now = options.now ?? Date.now;
  }

  async head(name: string): Promise<Answer<ObjectInfo>> {
    const found = this.objects.get(name);
    return found
      ? answer({ bytes: found.bytes.length, tag: found.tag })
      : storeError('absent', '404 NotFound');
  }

  async get(name: string, from: number, tag: string | undefined): Promise<Answer<Received>> {
    const found = this.objects.get(name);
    if (!found) return storeError('absent', '404 NoSuchKey');
    if (tag !== undefined && tag !== found.tag) return storeError('absent', '412 PreconditionFailed');
    const { bytes } = found;
    const age = this.now() - found.modified;
    const body = Readable.from([bytes.subarray(from)]);
    return answer({ bytes: bytes.length, tag: found.tag, age, from, body });
  }

  async put(name: string, bytes: Uint8Array, condition: Condition): Promise<Answer<string>> {
    const found = this.objects.get(name);
    const counts = this.#unconditional?.test(name) !== true;
    const holds = condition === 'always' || (condition === 'absent' ? !found : found?.tag === condition.tag);
    if (counts && !holds) return storeError('taken', '412 PreconditionFailed');
    return answer(this.#store(name, Buffer.from(bytes)));
  }

  async begin(name: string): Promise<Answer<PartUpload>> {
    const parts = new Map<number, Buffer>();
    return answer({
      part: async (number, bytes) => answer(void parts.set(number, Buffer.from(bytes))),
      complete: async () => {
        const sorted = [...parts].sort(([a], [b]) => a - b).map(([, part]) => part);
        this.#store(name, Buffer.concat(sorted));
        return answer(undefined);
      },
      abort: async () => parts.clear(),
    });
  }

  async list(prefix: string, after: string | undefined): Promise<Answer<ListPage>> {
    const names = [...this.objects.keys()].filter((name) => name.startsWith(prefix)).sort();
    const from = after === undefined ? 0 : Number(after);
    const objects = names.slice(from, from + PAGE).flatMap((name) => {
      const found = this.objects.get(name);
      return found ? [{ name, bytes: found.bytes.length, modified: found.modified }] : [];
    });
    return answer({ objects, next: from + PAGE < names.length ? String(from + PAGE) : undefined });
  }

  async delete(names: readonly string[]): Promise<Answer<void>> {
    for (const name of names) this.objects.delete(name);
    return answer(undefined);
  }

  close(): void {}

  #store(name: string, bytes: Buffer): string {
    const tag = `"${createHash('md5').update(bytes).digest('hex')}"`;
    this.objects.set(name, { bytes, tag, modified: this.now() });
    return tag;
  }
}
