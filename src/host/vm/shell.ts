// A root shell in the guest: the same agent, on virtio ports.

import { PassThrough } from 'node:stream';
import { ok, type Result } from '../../model/failure.ts';
import type { ChildEnd } from '../process/run.ts';
import { answers, onAnotherMachine } from '../root/remote-shell.ts';
import { type RootShell, rootShellOn } from '../root/root-shell.ts';
import type { Guest } from './guest.ts';

/** Opens a root shell in a running guest. Fails as `host` when the guest is gone. */
export async function openGuestShell(guest: Guest): Promise<Result<RootShell>> {
  const name = guest.newName('shell');
  const streams = await guest.plugPort(name);
  if (!streams.ok) return streams;
  const errors = await guest.plugPort(`${name}.err`);
  if (!errors.ok) return errors;
  guest.order(`shell ${name}`);
  const end = Promise.withResolvers<Result<ChildEnd>>();
  const input = new PassThrough();
  input.pipe(streams.value, { end: false });
  let isClosed = false;
  const close = async () => {
    if (isClosed) return;
    isClosed = true;
    streams.value.destroy();
    errors.value.destroy();
    for (const port of [name, `${name}.err`]) await guest.unplugPort(port);
    end.resolve(ok({ status: 0, signal: undefined }));
  };
  input.once('end', () => void close());
  streams.value.once('close', () => void close());
  errors.value.once('close', () => void close());
  const shell = rootShellOn({
    pid: undefined,
    stdin: input,
    stdout: streams.value,
    stderr: errors.value,
    kill: () => void close(),
    ended: end.promise,
  });
  const inGuest = onAnotherMachine(shell);
  const answer = await answers(inGuest);
  return answer.ok ? ok(inGuest) : { ok: false, failure: guest.lastWords() };
}
