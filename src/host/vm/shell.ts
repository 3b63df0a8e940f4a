// A root shell in the guest: the same agent, on virtio ports.

import { PassThrough } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import { fail, ok, type Result } from '../../model/failure.ts';
import type { ChildEnd } from '../process/run.ts';
import { type Beside, joinRemote } from '../root/remote-join.ts';
import { answers, onAnotherMachine } from '../root/remote-shell.ts';
import { type RootShell, rootShellOn } from '../root/root-shell.ts';
import { RunShell } from '../root/run-shell.ts';
import type { Guest } from './guest.ts';

/** The longest answer of the guest, in bytes: ten times the list of all files of a large system. */
const LONGEST_ANSWER = 256 * 1024 * 1024;
/** How long the end of QEMU may come after that of its ports. */
const END_MILLISECONDS = 2000;

const guests = new WeakMap<RootShell, Guest>();

/** The guest in which a root shell is. */
export function guestOf(shell: RootShell): Guest {
  const guest = guests.get(shell);
  if (!guest) throw new Error('this root shell is in no guest');
  return guest;
}

/** Opens a root shell in a running guest. Fails as `host` when the guest is gone. */
export async function openGuestShell(guest: Guest): Promise<Result<RootShell>> {
  const opened = await openShell(guest);
  return opened.ok ? ok(opened.value.shell) : opened;
}

/** Opens a root shell with a directory, in the guest's memory, for a run's files. Fails like `openGuestShell`. */
export async function openGuestRun(guest: Guest): Promise<Result<RunShell>> {
  const opened = await openShell(guest);
  if (!opened.ok) return opened;
  const { shell, name } = opened.value;
  return ok(new RunShell(shell, `/run/vlb/${name}`, () => guest.nameServers));
}

async function openShell(
  guest: Guest,
): Promise<Result<{ readonly shell: RootShell; readonly name: string }>> {
  const name = guest.newName('shell');
  const own = await openPorts(guest, name, `shell ${name}`);
  if (!own.ok) return own;
  const beside: Beside = {
    open: () => {
      const other = guest.newName('shell');
      return openPorts(guest, other, `beside ${other} ${name}`);
    },
    openInput: async () => {
      const input = guest.newName('shell');
      const port = await guest.plugPort(input);
      if (!port.ok) return port;
      const close = () => guest.unplugPort(input);
      return ok({ name: input, stream: port.value, [Symbol.asyncDispose]: close });
    },
  };
  const shell = onAnotherMachine(own.value, (argv, file, streams) =>
    joinRemote(beside, argv, file, streams, own.value.ended),
  );
  guests.set(shell, guest);
  const answer = await answers(shell);
  return answer.ok ? ok({ shell, name }) : answer;
}

/** An agent of the guest on two ports. */
async function openPorts(guest: Guest, name: string, order: string): Promise<Result<RootShell>> {
  const streams = await guest.plugPort(name);
  if (!streams.ok) return streams;
  const errors = await guest.plugPort(`${name}.err`);
  if (!errors.ok) {
    await guest.unplugPort(name);
    return errors;
  }
  const end = Promise.withResolvers<Result<ChildEnd>>();
  const input = new PassThrough();
  input.pipe(streams.value, { end: false });
  let isClosed = false;
  const close = async (isWanted: boolean) => {
    if (isClosed) return;
    isClosed = true;
    streams.value.destroy();
    errors.value.destroy();
    for (const port of [name, `${name}.err`]) await guest.unplugPort(port);
    end.resolve(isWanted ? ok({ status: 0, signal: undefined }) : await lostShell(guest));
  };
  input.once('end', () => void close(true));
  for (const port of [streams.value, errors.value]) port.once('close', () => void close(false));
  guest.order(order, name, () => void close(false));
  const child = {
    pid: undefined,
    stdin: input,
    stdout: streams.value,
    stderr: errors.value,
    kill: () => void close(false),
    ended: end.promise,
  };
  return ok(rootShellOn(child, LONGEST_ANSWER));
}

/** Why a shell has ended that vlb did not close. */
async function lostShell(guest: Guest): Promise<Result<never>> {
  await Promise.race([guest.ended, sleep(END_MILLISECONDS, undefined, { ref: false })]);
  if (guest.hasEnded) return { ok: false, failure: guest.lastWords() };
  return fail('host', 'the root shell in the virtual machine has ended', {
    detail: guest.consoleEnd,
    hint: 'the virtual machine may have too little memory: vm: memory: in vlb.yaml',
  });
}
