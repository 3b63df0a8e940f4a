// A root shell in the guest: the same agent, on virtio ports.

import { PassThrough } from 'node:stream';
import { fail, ok, type Result } from '../../model/failure.ts';
import type { ChildEnd } from '../process/run.ts';
import { answers, filesBehind } from '../root/remote-files.ts';
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
  const inGuest: RootShell = {
    pid: undefined,
    files: filesBehind(shell),
    ended: shell.ended,
    run: (argv, statuses) => shell.run(argv, statuses),
    stream: (argv, onOutput) => shell.stream(argv, onOutput),
    join: async () => fail('host', 'the vm backend has no interactive commands yet'),
    start: (argv) => shell.start(argv),
    stop: (pid) => shell.stop(pid),
    pinLoop: (device) => shell.pinLoop(device),
    write: (file, content) => shell.write(file, content),
    kill: () => shell.kill(),
    [Symbol.asyncDispose]: () => shell[Symbol.asyncDispose](),
  };
  const answer = await answers(inGuest);
  return answer.ok ? ok(inGuest) : { ok: false, failure: guest.lastWords() };
}
