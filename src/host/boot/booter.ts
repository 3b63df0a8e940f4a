// Test boots with QEMU: the implementation of the port in model/ports/booter.ts.

import { fstatSync } from 'node:fs';
import { fail, ok, type Result } from '../../model/failure.ts';
import {
  type Accelerator,
  type BootListener,
  type BootReport,
  type CheckOptions,
  DEFAULT_TIMEOUT_S,
  type ImageBooter,
  type MachineOptions,
  type OpenMachine,
  TCG_TIMEOUT_FACTOR,
} from '../../model/ports/booter.ts';
import { attempt } from '../../util/errors.ts';
import { dyingWithParent } from '../process/lifetime.ts';
import { runInTerminal } from '../process/run.ts';
import { checkGuest } from './check.ts';
import { findDefaultSeed } from './guest/seed.ts';
import { mediumFile } from './medium.ts';
import { prepareMachine } from './prepare.ts';
import { qemuArguments } from './qemu/arguments.ts';
import { startMachine } from './qemu/machine.ts';
import { bootTwice } from './twice.ts';

export const qemuBooter: ImageBooter = {
  interact,
  check,
  open,
  twice: (machine, wanted, listener, signal) => bootTwice(check, machine, wanted, listener, signal),
  defaultSeed: findDefaultSeed,
};

async function interact(
  options: MachineOptions,
  listener: Pick<BootListener, 'note'>,
  signal: AbortSignal,
): Promise<Result<void>> {
  if (!canBeTypedInto()) {
    return fail('usage', 'no terminal for the serial console', {
      hint: 'check the boot without a terminal: vlb test-boot --check',
    });
  }
  const prepared = await prepareMachine(options, signal);
  if (!prepared.ok) return prepared;
  using machine = prepared.value;
  listener.note(machine.why);
  listener.note('serial console: ^a x leaves, and all changes to the disk are discarded');
  const args = qemuArguments(machine.spec, { type: 'terminal' });
  const [command, all] = dyingWithParent('TERM', machine.command, args);
  const status = await runInTerminal(command, all, {
    cwd: machine.scratch,
    env: { TMPDIR: machine.scratch },
    signal,
  });
  if (signal.aborted) return fail('interrupted', 'the test boot was interrupted');
  if (!status.ok) return status;
  if (status.value === 0) return ok();
  return fail('host', `${machine.command} failed with exit status ${status.value}`, {
    hint: 'see its output above',
  });
}

async function open(options: MachineOptions, signal: AbortSignal): Promise<Result<OpenMachine>> {
  const prepared = await prepareMachine(options, signal);
  if (!prepared.ok) return prepared;
  const ready = prepared.value;
  try {
    const machine = await startMachine(ready.command, ready.spec, { scratch: ready.scratch, agent: false });
    return ok({
      why: ready.why,
      console: machine.console,
      type: (text) => void machine.keyboard.write(text),
      [Symbol.asyncDispose]: async () => {
        await machine[Symbol.asyncDispose]();
        ready[Symbol.dispose]();
      },
    });
  } catch (error) {
    ready[Symbol.dispose]();
    throw error;
  }
}

async function check(
  options: MachineOptions,
  check: CheckOptions,
  listener: BootListener,
  signal: AbortSignal,
): Promise<Result<BootReport>> {
  const prepared = await prepareMachine(options, signal);
  if (!prepared.ok) return prepared;
  using ready = prepared.value;
  listener.note(ready.why);
  const { accelerator, medium } = ready.spec;
  const startedAt = performance.now();
  await using machine = await startMachine(ready.command, ready.spec, {
    scratch: ready.scratch,
    agent: check.commands !== undefined,
  });
  const checked = await checkGuest(
    machine,
    {
      ...check,
      timeout: check.timeout ?? defaultTimeout(accelerator),
      image: mediumFile(medium),
      scratch: ready.scratch,
    },
    listener,
    signal,
  );
  if (!checked.ok) return checked;
  return ok({
    matched: checked.value.matched,
    secondsToReady: (checked.value.readyAt - startedAt) / 1000,
  });
}

function defaultTimeout(accelerator: Accelerator): number {
  return DEFAULT_TIMEOUT_S * (accelerator === 'tcg' ? TCG_TIMEOUT_FACTOR : 1);
}

/** False for a closed standard input and for one like /dev/null: nothing would ever end the guest. */
function canBeTypedInto(): boolean {
  if (process.stdin.isTTY) return true;
  const stat = attempt(() => fstatSync(0));
  return stat !== undefined && (stat.isFIFO() || stat.isSocket() || stat.isFile());
}
