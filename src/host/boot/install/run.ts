// Runs an installer in a machine of its own, until that is off.

import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fail, ok, type Result } from '../../../model/failure.ts';
import type { Installation } from '../../../model/ports/guest.ts';
import { lineWise } from '../console/lines.ts';
import { readConsole } from '../console/reader.ts';
import { LOGIN_PROMPT } from '../console/watch.ts';
import { followMachine } from '../follow.ts';
import { prepareMachine } from '../prepare.ts';
import type { MachineEnd } from '../qemu/machine.ts';
import { startMachine } from '../qemu/machine.ts';
import { machineTrouble } from '../troubles.ts';
import { makeMedium } from './medium.ts';

/**
 * Implements `Guest.install`.
 * @param directory for the run's own files
 * @param kill ends everything at once: fails as `interrupted`
 */
export async function runInstaller(
  installation: Installation,
  directory: string,
  kill: AbortSignal,
): Promise<Result<void>> {
  const medium = path.join(directory, 'medium');
  const made = await makeMedium(installation, medium, kill);
  if (!made.ok) return made;
  const { memory: memoryMiB, cpus, hasNetwork, from, disk, timeout } = installation;
  const prepared = await prepareMachine(
    {
      image: medium,
      memoryMiB,
      cpus,
      network: hasNetwork ? { type: 'user', forwards: [] } : { type: 'none' },
    },
    kill,
  );
  if (!prepared.ok) return prepared;
  using ready = prepared.value;
  installation.onProgress(ready.why);
  const { command, spec, scratch } = ready;
  const disc = from.type === 'disc' ? from.disc : undefined;
  await using machine = await startMachine(
    command,
    { ...spec, installation: { disk, disc } },
    { scratch, agent: false },
  );
  const console = readConsole(machine.console, LOGIN_PROMPT, lineWise(installation.onProgress));
  const onEnd = (end: MachineEnd) => {
    if (end.reason === 'guest-shutdown') return undefined;
    const trouble = machineTrouble(end, disk, console.lines());
    return trouble ?? endedOtherwise(end, console.lines());
  };
  return await followMachine(
    { machine, console, scratch, onEnd },
    (over) =>
      Promise.race([
        // Every other end is a failure, of `onEnd`.
        machine.ended.then(({ reason }) =>
          reason === 'guest-shutdown' ? ok() : new Promise<never>(() => {}),
        ),
        afterwards(timeout, over, () => tooLong(timeout, console.lines())),
        aborted(kill),
      ]),
    kill,
  );
}

function endedOtherwise({ reason }: MachineEnd, console: readonly string[]) {
  if (reason !== 'guest-reset') {
    return fail('work', 'the installer panicked', { detail: console });
  }
  return fail('work', 'the installer rebooted: vlb cannot know whether it had finished', {
    detail: console,
    hint: 'have it power off: "d-i debian-installer/exit/poweroff boolean true" in a preseed file, poweroff in a kickstart',
  });
}

function tooLong(seconds: number, console: readonly string[]) {
  return fail('work', `the installer took longer than its timeout, ${seconds} s`, {
    detail: console,
    hint: 'it may be waiting for an answer; otherwise raise base.installer.timeout',
  });
}

/** Never settles when it is over before. */
async function afterwards<T>(seconds: number, over: AbortSignal, result: () => T): Promise<T> {
  try {
    await delay(seconds * 1000, undefined, { signal: over });
    return result();
  } catch {
    return new Promise<never>(() => {});
  }
}

function aborted(signal: AbortSignal): Promise<Result<never>> {
  const interrupted = () => fail('interrupted', 'the installer was interrupted');
  if (signal.aborted) return Promise.resolve(interrupted());
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(interrupted()), { once: true });
  });
}
