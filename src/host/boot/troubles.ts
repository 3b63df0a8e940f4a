// The failures of a boot check as messages: what the check waited for, what happened instead, what to do.

import path from 'node:path';
import { fail, type Result } from '../../model/failure.ts';
import { lockedImage } from '../images/open-image.ts';
import { lastLines } from '../process/run.ts';
import type { Sighting } from './console/watch.ts';
import type { Pause, ShutdownReason } from './qemu/control.ts';
import type { MachineEnd } from './qemu/machine.ts';

type Failed = Extract<Result<never>, { ok: false }>;

/** What the check waits for. */
export type Goal =
  | { readonly type: 'login prompt' }
  | { readonly type: 'text'; readonly pattern: RegExp }
  | { readonly type: 'agent' }
  | { readonly type: 'command' };

/** @param console the console's last lines */
export function symptomSeen({ symptom, line }: Sighting, console: readonly string[]): Failed {
  const whole = console.find((shown) => symptom.pattern.test(shown)) ?? line;
  return fail('work', `the guest ${symptom.meaning}: ${whole}`, {
    ...(symptom.hint === undefined ? {} : { hint: symptom.hint }),
    detail: console,
  });
}

export interface ConsoleState {
  /** The last lines. */
  readonly console: readonly string[];
  readonly loginPromptSeen: boolean;
}

/** @param seconds how long the check waited */
export function timedOut(goal: Goal, seconds: number, state: ConsoleState): Failed {
  return fail('work', `${goalTexts(goal)[0]} within ${seconds} s`, {
    hint: timeoutHint(goal, state),
    detail: state.console,
  });
}

/** @param scratch where the guest's changes are kept */
export function pausedByQemu(pause: Pause, scratch: string, console: readonly string[]): Failed {
  if (pause.type === 'no space') {
    return fail('host', 'no space left for the changes that the guest makes to its disk', {
      where: { file: path.dirname(scratch) },
      hint: 'set TMPDIR to a directory with more space',
    });
  }
  return fail('host', `QEMU paused the guest (state: ${pause.state})`, { detail: console });
}

/** A machine that ended before the goal was reached. */
export function machineEnded(goal: Goal, end: MachineEnd, image: string, console: readonly string[]): Failed {
  const trouble = machineTrouble(end, image, console);
  if (trouble) return trouble;
  const how = end.reason === undefined ? 'ended' : ENDINGS[end.reason];
  const detail = [...end.complaints, ...console];
  return fail('work', `the guest ${how} before ${goalTexts(goal)[1]}`, { detail });
}

/** The failure of QEMU itself; undefined where the guest ended it. */
export function machineTrouble(
  end: MachineEnd,
  image: string,
  console: readonly string[],
): Failed | undefined {
  const detail = [...end.complaints, ...console];
  if (end.signal !== undefined) return qemuKilled(end.signal, detail);
  return end.status === 0 ? undefined : qemuFailed(end, image, detail);
}

export function commandFailed(status: number): Failed {
  return fail('work', `the command in the guest failed with exit status ${status}`, { exitStatus: status });
}

/** @param message the agent's own message */
export function commandRefused(message: string): Failed {
  const disabled = /disabled|not allowed|blocked/i.test(message);
  return fail('work', `the guest agent refused to run the command: ${message}`, {
    hint: disabled
      ? 'allow guest-exec in the image (Fedora, Enterprise Linux: FILTER_RPC_ARGS in /etc/sysconfig/qemu-ga)'
      : 'check that the image has /bin/sh',
  });
}

export function commandLost(): Failed {
  return fail('work', 'the guest agent restarted while the command was running', {
    hint: 'use --expect to wait until what restarts it (an update, cloud-init) has finished',
  });
}

const ENDINGS: Readonly<Record<ShutdownReason, string>> = {
  'guest-shutdown': 'powered off',
  'guest-reset': 'rebooted (possibly a processor fault, or a panic with panic=N)',
  'guest-panic': 'panicked',
};

/** What is missing until a goal is reached, and what happens then. */
function goalTexts(goal: Goal): readonly [missing: string, reached: string] {
  switch (goal.type) {
    case 'login prompt':
      return ['no login prompt', 'its login prompt appeared'];
    case 'text': {
      const text = `matched /${goal.pattern.source}/`;
      return [`nothing on the console ${text}`, `its console ${text}`];
    }
    case 'agent':
      return ['the guest agent did not answer', 'its agent answered'];
    case 'command':
      return ['the command in the guest did not end', 'the command ended'];
  }
}

function timeoutHint(goal: Goal, { console, loginPromptSeen }: ConsoleState): string {
  if (goal.type === 'command') return 'raise --timeout TIME, which counts from the start of the boot';
  if (goal.type === 'agent') {
    const seen = loginPromptSeen ? 'the guest is up (its login prompt appeared); ' : '';
    return `${seen}install the package qemu-guest-agent in the image, or by a user-data for cloud-init`;
  }
  if (!console.some((line) => LINUX_OUTPUT.test(line))) {
    return 'add console=ttyS0 to the kernel command line of the image: Linux wrote nothing to the serial console';
  }
  return 'raise --timeout TIME, or watch the boot: vlb test-boot without --check';
}

/** A kernel's timestamps or systemd's status lines. */
const LINUX_OUTPUT = /^\[ *\d+\.\d+\]|^\[ *(?:OK|FAILED) *\]|Linux version/;

function qemuKilled(signal: string, detail: readonly string[]): Failed {
  const hint =
    signal === 'SIGKILL'
      ? 'check the kernel log (dmesg): this host may have run out of memory'
      : hintFor(detail.join('\n'));
  return fail('host', `QEMU was killed by ${signal}`, { ...(hint === undefined ? {} : { hint }), detail });
}

function qemuFailed(end: MachineEnd, image: string, detail: readonly string[]): Failed {
  const complaints = end.complaints.join('\n');
  if (/Failed to get (?:shared )?"\w+" lock/.test(complaints)) return lockedImage(image);
  const hint = hintFor(complaints);
  const [last = 'no message'] = lastLines(complaints, 1);
  return fail('host', `QEMU failed with exit status ${end.status}: ${last}`, {
    ...(hint === undefined ? {} : { hint }),
    detail,
  });
}

function hintFor(complaints: string): string | undefined {
  return QEMU_HINTS.find(([pattern]) => pattern.test(complaints))?.[1];
}

const QEMU_HINTS: readonly (readonly [complaint: RegExp, hint: string])[] = [
  [
    /bridge helper|qemu-bridge-helper|access denied by acl/,
    "add a line 'allow BRIDGE' to /etc/qemu/bridge.conf",
  ],
  [/cannot set up guest memory|Cannot allocate memory/, 'give the guest less memory: --memory MIB'],
  [/could not set up host forwarding/i, 'forward another port: this one is in use'],
  [
    /failed to initialize kvm|Could not access KVM|failed to set MSR/i,
    'use --accel tcg: KVM does not work on this machine',
  ],
];
