// vlb test-boot: boots an image with nothing written to it, for a person at the console or as a check.

import path from 'node:path';
import type { CheckOptions, MachineOptions } from '../../model/boot.ts';
import {
  parseAccelerator,
  parseCpus,
  parseExpect,
  parseMemory,
  parseNetwork,
} from '../../model/boot-options.ts';
import { type Failure, fail, ok, type Result } from '../../model/failure.ts';
import { parseDuration } from '../../project/units.ts';
import { bootListener } from '../../report/boot-listener.ts';
import { formatSeconds } from '../../report/units.ts';
import { EXIT, exitStatusOf } from '../exit-status.ts';
import { createInterrupt } from '../interrupt.ts';
import type { GlobalOptions } from '../options.ts';
import { imageBooter } from '../wire-boot.ts';

/** As they come from the command line. */
export interface RawTestBootOptions {
  readonly image?: string | undefined;
  readonly check?: boolean | undefined;
  readonly run?: string | undefined;
  readonly expect?: string | undefined;
  readonly timeout?: string | undefined;
  readonly accel?: string | undefined;
  readonly net?: string | undefined;
  readonly forward?: readonly string[] | undefined;
  readonly memory?: string | undefined;
  readonly cpus?: string | undefined;
  readonly seed?: string | undefined;
}

/** Boots the image. Returns the exit status, or the failure to tell. */
export async function testBoot(options: GlobalOptions, raw: RawTestBootOptions): Promise<number | Failure> {
  const machine = readMachine(options, raw);
  if (!machine.ok) return machine.failure;
  const wanted = readCheck(raw);
  if (!wanted.ok) return wanted.failure;
  const interrupt = createInterrupt();
  interrupt.listen();
  const listener = bootListener(options.colour);
  const isCheck = raw.check || raw.run !== undefined || raw.expect !== undefined;
  const result = isCheck
    ? await imageBooter.check(machine.value, wanted.value, listener, interrupt.signal)
    : await imageBooter.interact(machine.value, listener, interrupt.signal);
  listener.close();
  if (!result.ok) {
    return result.failure.kind === 'interrupted'
      ? exitStatusOf(result.failure, interrupt.received())
      : result.failure;
  }
  if (result.value) {
    const { secondsToReady, matched } = result.value;
    const what =
      matched === undefined
        ? 'the guest agent answered'
        : `the console showed ${JSON.stringify(matched.trim())}`;
    listener.note(`up after ${formatSeconds(secondsToReady)}: ${what}`);
  }
  return EXIT.ok;
}

function readMachine(options: GlobalOptions, raw: RawTestBootOptions): Result<MachineOptions> {
  const accelerator = parseAccelerator(raw.accel ?? 'auto');
  if (!accelerator.ok) return accelerator;
  const network = parseNetwork(raw.net ?? 'user', raw.forward);
  if (!network.ok) return network;
  const memory = raw.memory === undefined ? undefined : parseMemory(raw.memory);
  if (memory?.ok === false) return memory;
  const cpus = raw.cpus === undefined ? undefined : parseCpus(raw.cpus);
  if (cpus?.ok === false) return cpus;
  return ok({
    image:
      raw.image === undefined ? path.join(options.directory, 'build/image.qcow2') : path.resolve(raw.image),
    accelerator: accelerator.value,
    network: network.value,
    ...(memory ? { memoryMiB: memory.value } : {}),
    ...(cpus ? { cpus: cpus.value } : {}),
    seed: raw.seed ?? imageBooter.defaultSeed(options.directory),
  });
}

function readCheck(raw: RawTestBootOptions): Result<CheckOptions> {
  const expect = raw.expect === undefined ? undefined : parseExpect(raw.expect);
  if (expect?.ok === false) return expect;
  const timeout = raw.timeout === undefined ? undefined : parseDuration(raw.timeout);
  if (raw.timeout !== undefined && timeout === undefined) {
    return fail('usage', `--timeout ${raw.timeout}: not a time`, {
      hint: 'give seconds, or a number with s, m or h: 90, 5m',
    });
  }
  return ok({ expect: expect?.value, command: raw.run, timeout });
}
