// The client of the QEMU guest agent: one request at a time over a channel that outlives the agent.

import { randomInt } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { isObject } from '../../../util/json.ts';
import { createJsonLineReader, type JsonLine } from '../qemu/json-lines.ts';

export type AgentReply =
  | { readonly type: 'return'; readonly value: unknown }
  /** The agent refused, with this message of its own. */
  | { readonly type: 'error'; readonly message: string }
  /** The agent restarted before it answered: whether it ran the command is unknown. */
  | { readonly type: 'lost' }
  | { readonly type: 'aborted' };

/** After this long without an answer the client checks whether the agent still runs, ms. */
const DOUBT_AFTER_MS = 20_000;
/** The first check is repeated after this long, and the interval grows up to the longest, ms. */
const FIRST_SYNC_MS = 1000;
const LONGEST_SYNC_MS = 5000;

/**
 * The channel is QEMU's virtio-serial port (or a socket of an agent). Requests written before the agent runs wait there,
 * arbitrary bytes may come out of it, and the agent behind it may end and restart. guest-sync-delimited of
 * docs/interop/qemu-ga-ref handles that: 0xFF before the request makes the agent drop an incomplete request, 0xFF before
 * the answer makes this side drop an incomplete answer, and the number matches the answer to its request.
 */
export class GuestAgent {
  readonly #channel: Duplex;
  readonly #doubtAfter: number;
  #onSync: ((id: unknown) => void) | undefined;
  #onReply: ((line: JsonLine['value']) => void) | undefined;

  constructor(channel: Duplex, { doubtAfter = DOUBT_AFTER_MS }: { readonly doubtAfter?: number } = {}) {
    this.#channel = channel;
    this.#doubtAfter = doubtAfter;
    channel.on(
      'data',
      createJsonLineReader((line) => this.#take(line)),
    );
  }

  /** Waits until the agent answers; false when the signal aborts first. */
  async answers(signal: AbortSignal): Promise<boolean> {
    for (let wait = FIRST_SYNC_MS; !signal.aborted; wait = Math.min(wait * 1.5, LONGEST_SYNC_MS)) {
      if (await this.#synchronize(wait, signal)) return true;
    }
    return false;
  }

  /** Sends one command and waits for its answer. */
  async request(
    command: string,
    args: Readonly<Record<string, unknown>>,
    signal: AbortSignal,
  ): Promise<AgentReply> {
    const answered = new AbortController();
    const either = AbortSignal.any([signal, answered.signal]);
    const reply = new Promise<AgentReply>((resolve) => {
      this.#onReply = (line) => {
        if (!isParseComplaint(line)) resolve(asReply(line));
      };
    });
    this.#send({ execute: command, arguments: args });
    try {
      return await Promise.race([reply, this.#doubt(either)]);
    } finally {
      answered.abort();
      this.#onReply = undefined;
    }
  }

  /**
   * An agent answers requests in order. So one that answers a later request, and not this one, is not the process that
   * this one was sent to.
   */
  async #doubt(signal: AbortSignal): Promise<AgentReply> {
    await delay(this.#doubtAfter, undefined, { signal }).catch(() => {}); // rejects on abort
    return (await this.answers(signal)) ? { type: 'lost' } : { type: 'aborted' };
  }

  /** Only the answer to this request counts: after it, no older answer can arrive. */
  async #synchronize(milliseconds: number, signal: AbortSignal): Promise<boolean> {
    const id = randomInt(2 ** 32);
    const over = new AbortController();
    const answer = new Promise<boolean>((resolve) => {
      this.#onSync = (answered) => answered === id && resolve(true);
    });
    this.#send({ execute: 'guest-sync-delimited', arguments: { id } }, Buffer.of(0xff));
    const expiry = delay(milliseconds, false, { signal: AbortSignal.any([signal, over.signal]) });
    const synchronized = await Promise.race([answer, expiry.catch(() => false)]);
    over.abort();
    return synchronized;
  }

  #send(request: object, prefix: Buffer = Buffer.alloc(0)): void {
    if (this.#channel.destroyed) return; // QEMU has ended, which is reported elsewhere
    this.#channel.write(Buffer.concat([prefix, Buffer.from(`${JSON.stringify(request)}\n`)]));
  }

  #take({ value, delimited }: JsonLine): void {
    if (delimited) this.#onSync?.(value['return']);
    else this.#onReply?.(value);
  }
}

function asReply(line: JsonLine['value']): AgentReply {
  const error = line['error'];
  if (isObject(error)) return { type: 'error', message: descriptionOf(error) };
  return { type: 'return', value: line['return'] };
}

/**
 * An agent's reaction to 0xFF and to incomplete requests: "JSON parse error, …", before QEMU 2.12 "Invalid JSON syntax".
 * It never answers a request of ours, since those are complete.
 */
function isParseComplaint(line: JsonLine['value']): boolean {
  const error = line['error'];
  return isObject(error) && /JSON (?:parse error|syntax)/.test(descriptionOf(error));
}

/** The agent's own message. The guest controls the agent, so it may be any JSON value. */
function descriptionOf({ desc }: Readonly<Record<string, unknown>>): string {
  return typeof desc === 'string' ? desc : 'no description';
}
