// A shell command in the guest, from its start to its exit status, through the guest agent.

import { setTimeout as delay } from 'node:timers/promises';
import type { CommandOutput } from '../../../model/ports/booter.ts';
import { isObject } from '../../../util/json.ts';
import type { AgentReply, GuestAgent } from './agent.ts';

export type GuestCommandEnd =
  /** After a signal the status is that of a shell: 128 + the signal's number. */
  | { readonly type: 'ended'; readonly status: number; readonly output: CommandOutput }
  | { readonly type: 'refused'; readonly message: string }
  | { readonly type: 'lost' }
  | { readonly type: 'aborted' };

const FIRST_POLL_MS = 20;
const LONGEST_POLL_MS = 500;

/** Runs `/bin/sh -c COMMAND` as the agent's user (root, usually), and waits for its end or the signal. */
export async function runInGuest(
  agent: GuestAgent,
  command: string,
  signal: AbortSignal,
): Promise<GuestCommandEnd> {
  const shell = { path: '/bin/sh', arg: ['-c', command], 'capture-output': true };
  const started = await agent.request('guest-exec', shell, signal);
  if (started.type !== 'return') return withoutResult(started);
  const pid = isObject(started.value) ? started.value['pid'] : undefined;
  for (let wait = FIRST_POLL_MS; !signal.aborted; wait = Math.min(wait * 2, LONGEST_POLL_MS)) {
    const answer = await agent.request('guest-exec-status', { pid }, signal);
    // An agent that restarted does not know the process.
    if (answer.type === 'error') return { type: 'lost' };
    if (answer.type !== 'return') return withoutResult(answer);
    if (isObject(answer.value) && answer.value['exited'] === true) return commandEnd(answer.value);
    await delay(wait, undefined, { signal }).catch(() => {}); // rejects on abort
  }
  return { type: 'aborted' };
}

function withoutResult(reply: Exclude<AgentReply, { type: 'return' }>): GuestCommandEnd {
  return reply.type === 'error' ? { type: 'refused', message: reply.message } : reply;
}

function commandEnd(status: Readonly<Record<string, unknown>>): GuestCommandEnd {
  return {
    type: 'ended',
    status: exitStatus(status),
    output: { stdout: decoded(status['out-data']), stderr: decoded(status['err-data']) },
  };
}

function decoded(base64: unknown): Uint8Array {
  return Buffer.from(typeof base64 === 'string' ? base64 : '', 'base64');
}

/** As a shell reports it. The guest controls the agent, so it may be any JSON value; what is not a status becomes 255. */
function exitStatus({ exitcode, signal }: Readonly<Record<string, unknown>>): number {
  const status = typeof exitcode !== 'number' && typeof signal === 'number' ? 128 + signal : exitcode;
  return Number.isInteger(status) && Number(status) >= 0 && Number(status) <= 255 ? Number(status) : 255;
}
