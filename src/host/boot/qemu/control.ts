// QEMU's control socket (QMP): why a machine stopped, which its exit status does not say.

import type { Socket } from 'node:net';
import { isObject } from '../../../util/json.ts';
import { createJsonLineReader, type JsonLine } from './json-lines.ts';

export interface Control {
  /** Why the guest ended the machine, once QEMU has reported it. */
  shutdownReason(): ShutdownReason | undefined;
  /** Settles when QEMU pauses the guest because of an error. */
  readonly paused: Promise<Pause>;
  /** Plugs a device into the machine; without an effect when it is in already. */
  plug(device: Readonly<Record<string, unknown>>): void;
  /** Takes a port out of the machine, where it is in. Settles when it is out, and not open any more. */
  unplug(id: string): Promise<void>;
  /** Whether the guest has this port open. */
  hasOpened(port: string): boolean;
  /** Ends QEMU as it is: what the guest has written is in its disks. */
  quit(): void;
  /** Settles when all output of QEMU has been read. */
  readonly closed: Promise<void>;
}

/** The values of QEMU's ShutdownCause (qapi/run-state.json) that a guest causes. */
export type ShutdownReason = 'guest-shutdown' | 'guest-reset' | 'guest-panic';

/** Why QEMU paused a guest: no space is left for its overlay, or another state of qapi/run-state.json. */
export type Pause = { readonly type: 'no space' } | { readonly type: 'other'; readonly state: string };

const REASONS: readonly unknown[] = [
  'guest-shutdown',
  'guest-reset',
  'guest-panic',
] satisfies ShutdownReason[];

/** Reads a new connection from QEMU until it closes. */
export function openControl(socket: Socket): Control {
  const paused = Promise.withResolvers<Pause>();
  const closed = Promise.withResolvers<void>();
  let reason: ShutdownReason | undefined;
  let outOfSpace = false;
  const open = new Set<unknown>();
  const answered = new Map<unknown, () => void>();
  let commands = 0;

  function onLine({ value }: JsonLine): void {
    const data = isObject(value['data']) ? value['data'] : {};
    const answer = isObject(value['return']) ? value['return'] : {};
    answered.get(value['id'])?.();
    if (value['QMP'] !== undefined) send(socket, 'qmp_capabilities');
    else if (value['event'] === 'SHUTDOWN') reason = isReason(data['reason']) ? data['reason'] : undefined;
    else if (value['event'] === 'VSERPORT_CHANGE') {
      if (data['open'] === true) open.add(data['id']);
      else open.delete(data['id']);
    } else if (value['event'] === 'BLOCK_IO_ERROR') outOfSpace ||= data['nospace'] === true;
    else if (value['event'] === 'STOP') send(socket, 'query-status');
    else if (answer['running'] === false) {
      paused.resolve(outOfSpace ? { type: 'no space' } : { type: 'other', state: String(answer['status']) });
    }
  }

  socket.on('data', createJsonLineReader(onLine));
  socket.once('close', () => closed.resolve());
  return {
    shutdownReason: () => reason,
    paused: paused.promise,
    plug: (device) => send(socket, 'device_add', device),
    unplug: async (id) => {
      const command = ++commands;
      const done = Promise.withResolvers<void>();
      answered.set(command, done.resolve);
      send(socket, 'device_del', { id }, command);
      await Promise.race([done.promise, closed.promise]);
      answered.delete(command);
      // Linux does not close a port that is taken out, and what QEMU said of it came before its answer.
      open.delete(id);
    },
    hasOpened: (port) => open.has(port),
    quit: () => send(socket, 'quit'),
    closed: closed.promise,
  };
}

/** @param id comes back with the answer */
function send(socket: Socket, command: string, args?: Readonly<Record<string, unknown>>, id?: number): void {
  if (socket.destroyed) return; // QEMU has ended, which is reported elsewhere
  socket.write(`${JSON.stringify({ execute: command, arguments: args, id })}\n`);
}

function isReason(value: unknown): value is ShutdownReason {
  return REASONS.includes(value);
}
