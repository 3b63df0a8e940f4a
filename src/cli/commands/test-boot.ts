// vlb test-boot: boots an image with nothing written to it, for a user at the console or as a check.

import { type Failure, fail, ok, type Result } from '../../model/failure.ts';
import type { BootReport, CheckOptions, ImageBooter, MachineOptions } from '../../model/ports/booter.ts';
import { bootListener } from '../../report/reporters/boot-listener.ts';
import { formatSeconds, parseDuration } from '../../util/units.ts';
import { findMachine } from '../../workspace/boot/find-machine.ts';
import { parseCpus, parseExpect, parseMemory, parseNetwork } from '../args/boot-values.ts';
import type { Raw } from '../args/table/table.ts';
import { EXIT } from '../exit-status.ts';
import { workspaceOf } from '../open-workspace.ts';
import type { GlobalOptions } from '../options.ts';
import { createInterrupt, endOf } from '../terminal/interrupt.ts';
import { printResult } from '../terminal/streams.ts';

/** Boots the image. Returns the exit status, or the failure to report. */
export async function testBoot(raw: Raw<'test-boot'>, options: GlobalOptions): Promise<number | Failure> {
  const interrupt = createInterrupt();
  const onStart = () => interrupt.listen();
  const booted = raw.twice
    ? await bootTwice(raw, options, interrupt.signal, onStart)
    : await boot(raw, options, interrupt.signal, onStart);
  return booted.ok ? EXIT.ok : endOf(booted.failure, interrupt);
}

/** Boots the project's image until it is up, and reports that. Returns what failed. */
export async function bootCheck(options: GlobalOptions, signal: AbortSignal): Promise<Failure | undefined> {
  const booted = await boot({ check: true }, options, signal);
  return booted.ok ? undefined : booted.failure;
}

async function boot(
  raw: Partial<Raw<'test-boot'>>,
  options: GlobalOptions,
  signal: AbortSignal,
  onStart = () => {},
): Promise<Result<void>> {
  const booter = await workspaceOf(options).parts.booter();
  const machine = await readMachine(options, raw, booter);
  if (!machine.ok) return machine;
  const wanted = readCheck(raw);
  if (!wanted.ok) return wanted;
  onStart();
  const listener = bootListener(options.color);
  const isCheck = raw.check || raw.run !== undefined || raw.expect !== undefined;
  const result = isCheck
    ? await booter.check(machine.value, wanted.value, listener, signal)
    : await booter.interact(machine.value, listener, signal);
  listener.close();
  if (!result.ok) return result;
  if (result.value) listener.note(upText(result.value));
  return ok();
}

/** Boots two copies, and prints what they have in common. Fails as `work` where that should differ. */
async function bootTwice(
  raw: Raw<'test-boot'>,
  options: GlobalOptions,
  signal: AbortSignal,
  onStart: () => void,
): Promise<Result<void>> {
  const other = (['check', 'expect', 'run'] as const).find((name) => raw[name] !== undefined);
  if (other !== undefined || raw.forward.length > 0) {
    return fail('usage', `use either --twice or --${other ?? 'forward'}, not both`);
  }
  const booter = await workspaceOf(options).parts.booter();
  const machine = await readMachine(options, raw, booter);
  if (!machine.ok) return machine;
  const wanted = readCheck(raw);
  if (!wanted.ok) return wanted;
  onStart();
  const listener = bootListener(options.color);
  const copies = await booter.twice(machine.value, wanted.value, listener, signal);
  listener.close();
  if (!copies.ok) return copies;
  const { copiesText, sameFailure } = await import('../../report/text/copies.ts');
  printResult({ ...options, json: raw.json }, copies.value, (style) => copiesText(copies.value, style));
  return sameFailure(copies.value);
}

function upText({ secondsToReady, matched }: BootReport): string {
  const what =
    matched === undefined
      ? 'the guest agent answered'
      : `the console showed ${JSON.stringify(matched.trim())}`;
  return `up after ${formatSeconds(secondsToReady)}: ${what}`;
}

async function readMachine(
  options: GlobalOptions,
  raw: Partial<Raw<'test-boot'>>,
  booter: ImageBooter,
): Promise<Result<MachineOptions>> {
  const network = parseNetwork(raw.net ?? 'user', raw.forward);
  if (!network.ok) return network;
  const memory = raw.memory === undefined ? undefined : parseMemory(raw.memory);
  if (memory?.ok === false) return memory;
  const cpus = raw.cpus === undefined ? undefined : parseCpus(raw.cpus);
  if (cpus?.ok === false) return cpus;
  const described = await findMachine(raw.image, workspaceOf(options));
  if (!described.ok) return described;
  return ok({
    ...described.value,
    accelerator: raw.accel,
    uefi: raw.uefi || described.value.uefi,
    network: network.value,
    ...(memory ? { memoryMiB: memory.value } : {}),
    ...(cpus ? { cpus: cpus.value } : {}),
    seed: raw.seed ?? booter.defaultSeed(options.directory),
  });
}

function readCheck(raw: Partial<Raw<'test-boot'>>): Result<CheckOptions> {
  const expect = raw.expect === undefined ? undefined : parseExpect(raw.expect);
  if (expect?.ok === false) return expect;
  const timeout = raw.timeout === undefined ? undefined : parseDuration(raw.timeout);
  if (raw.timeout !== undefined && timeout === undefined) {
    return fail('usage', `--timeout ${raw.timeout}: not a time`, {
      hint: 'give seconds, or a number with s, m or h: 90, 5m',
    });
  }
  const commands = raw.run === undefined ? undefined : [raw.run];
  return ok({ expect: expect?.value, commands, timeout });
}
