// Commands to QEMU over its control socket (QMP), and its events.

import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { fail, ok, type Result } from '../../model/failure.ts';
import { isObject } from '../../util/json.ts';
import { createJsonLineReader, type JsonLine } from '../boot/qemu/json-lines.ts';

const RELEASE_MILLISECONDS = 60_000;
/** Each command takes milliseconds; a file is closed within seconds. QEMU may be stopped, or taken over by its guest. */
const ANSWER_MILLISECONDS = 120_000;

type Arguments = Readonly<Record<string, unknown>>;

export class Qmp {
  readonly #socket: Socket;
  readonly #patience: number;
  readonly #answers = new Map<number, (answer: Result<void>) => void>();
  /** What waits for the end of a device, by its id. */
  readonly #removals = new Map<string, () => void>();
  #last = 0;
  #isClosed = false;

  /** @param patience how long a command may take, ms */
  constructor(socket: Socket, patience = ANSWER_MILLISECONDS) {
    this.#socket = socket;
    this.#patience = patience;
    socket.on(
      'data',
      createJsonLineReader((line) => this.#take(line)),
    );
    socket.once('close', () => {
      this.#isClosed = true;
      for (const answer of this.#answers.values()) answer(gone());
      this.#answers.clear();
      for (const removed of this.#removals.values()) removed();
    });
  }

  /** Runs a command. Fails as `host` with what QEMU says, when it has ended, or does not answer in time. */
  run(execute: string, args: Arguments = {}): Promise<Result<void>> {
    if (this.#isClosed) return Promise.resolve(gone());
    const id = ++this.#last;
    return new Promise((resolve) => {
      const late = setTimeout(() => {
        this.#answers.delete(id);
        resolve(fail('host', 'QEMU does not answer'));
      }, this.#patience);
      this.#answers.set(id, (answer) => {
        clearTimeout(late);
        resolve(answer);
      });
      this.#socket.write(`${JSON.stringify({ execute, arguments: args, id })}\n`);
    });
  }

  /** Unplugs a device, and waits until the guest has released it. Fails as `host` when it does not within a minute. */
  async unplug(id: string): Promise<Result<void>> {
    const waited = new AbortController();
    const removed = new Promise<true>((resolve) => this.#removals.set(id, () => resolve(true)));
    try {
      const asked = await this.run('device_del', { id });
      if (!asked.ok) return asked;
      const late = sleep(RELEASE_MILLISECONDS, false, { signal: waited.signal }).catch(() => false);
      if (!(await Promise.race([removed, late]))) {
        return fail('host', 'the virtual machine does not release a disk');
      }
      return this.#isClosed ? gone() : ok();
    } finally {
      waited.abort();
      this.#removals.delete(id);
    }
  }

  #take({ value }: JsonLine): void {
    const { id, error, event, data } = value;
    if (event === 'DEVICE_DELETED' && isObject(data)) this.#removals.get(String(data['device']))?.();
    if (typeof id !== 'number') return;
    const answer = this.#answers.get(id);
    this.#answers.delete(id);
    answer?.(isObject(error) ? fail('host', `QEMU: ${String(error['desc'])}`) : ok());
  }
}

function gone(): ReturnType<typeof fail> {
  return fail('host', 'the virtual machine has ended');
}
