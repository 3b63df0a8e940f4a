// The client of the QEMU guest agent: one request at a time over a channel that outlives the agent.

import { randomInt } from 'node:crypto';
import type { Duplex } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { createJsonLineReader, isObject, type JsonLine } from '../qemu/json-lines.ts';

export type AgentReply =
  | { readonly type: 'return'; readonly value: unknown }
  /** The agent refuses; its own words. */
  | { readonly type: 'error'; readonly message: string }
  /** The agent was started anew before it answered: whether it did what was asked is not known. */
  | { readonly type: 'lost' }
  | { readonly type: 'aborted' };

/** After this long without an answer the agent is asked whether it is there at all, ms. */
const DOUBT_AFTER_MS = 20_000;
/** The agent is asked anew after this long, and then more and more seldom, ms. */
const FIRST_SYNC_MS = 1000;
const LONGEST_SYNC_MS = 5000;

/**
 * The channel is QEMU's virtio-serial port (or a socket of an agent): what is written to it before the agent runs waits
 * there, rubbish may come out of it, and an agent may vanish and come back behind it. docs/interop/qemu-ga-ref has
 * guest-sync-delimited for that: 0xFF before the request makes the agent drop half a request, 0xFF before the answer
 * makes this side drop half an answer, and the number tells the answer from one to somebody else.
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
   * An agent answers in the order of the requests. So one that answers a later one, and not this, is another process
   * than the one that this was sent to.
   */
  async #doubt(signal: AbortSignal): Promise<AgentReply> {
    await delay(this.#doubtAfter, undefined, { signal }).catch(() => {}); // it rejects on abort
    return (await this.answers(signal)) ? { type: 'lost' } : { type: 'aborted' };
  }

  /** Only the answer to this very request counts: with it, nothing older is under way any more. */
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
    if (this.#channel.destroyed) return; // QEMU has ended, which its own end tells
    this.#channel.write(Buffer.concat([prefix, Buffer.from(`${JSON.stringify(request)}\n`)]));
  }

  #take({ value, delimited }: JsonLine): void {
    if (delimited) this.#onSync?.(value['return']);
    else this.#onReply?.(value);
  }
}

function asReply(line: JsonLine['value']): AgentReply {
  const error = line['error'];
  if (isObject(error)) return { type: 'error', message: String(error['desc']) };
  return { type: 'return', value: line['return'] };
}

/**
 * What an agent says to 0xFF and to halves of requests: "JSON parse error, …", before QEMU 2.12 "Invalid JSON syntax".
 * It is no answer, since every request of ours is whole.
 */
function isParseComplaint(line: JsonLine['value']): boolean {
  const error = line['error'];
  return isObject(error) && /JSON (?:parse error|syntax)/.test(String(error['desc']));
}
