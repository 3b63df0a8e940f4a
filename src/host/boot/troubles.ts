// The failures of a boot check, in words: what was waited for, what happened instead, what to do.

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

/** @param seconds how long it was waited */
export function timedOut(goal: Goal, seconds: number, state: ConsoleState): Failed {
  return fail('work', `${missing(goal)} within ${seconds} s`, {
    hint: timeoutHint(goal, state),
    detail: state.console,
  });
}

/** @param scratch where the guest's changes are kept */
export function pausedByQemu(pause: Pause, scratch: string, console: readonly string[]): Failed {
  if (pause.type === 'no space') {
    return fail('host', 'there is no space left for what the guest writes', {
      where: { file: path.dirname(scratch) },
      hint: 'set TMPDIR to a directory with more room',
    });
  }
  return fail('host', `QEMU paused the guest, whose state is ${pause.state}`, { detail: console });
}

/** A machine that ended by itself before the goal was reached. */
export function machineEnded(goal: Goal, end: MachineEnd, image: string, console: readonly string[]): Failed {
  const detail = [...end.complaints, ...console];
  if (end.signal !== undefined) return qemuKilled(end.signal, detail);
  if (end.status !== 0) return qemuFailed(end, image, detail);
  const how = end.reason === undefined ? 'ended' : ENDINGS[end.reason];
  return fail('work', `the guest ${how} before ${awaited(goal)}`, { detail });
}

export function commandFailed(status: number): Failed {
  return fail('work', `the command in the guest failed with exit status ${status}`, { exitStatus: status });
}

/** @param message the agent's words */
export function commandRefused(message: string): Failed {
  const disabled = /disabled|not allowed|blocked/i.test(message);
  return fail('work', `the guest agent does not run the command: ${message}`, {
    hint: disabled
      ? 'allow guest-exec in the image: FILTER_RPC_ARGS in /etc/sysconfig/qemu-ga on Fedora and Enterprise Linux'
      : 'the image needs /bin/sh',
  });
}

export function commandLost(): Failed {
  return fail('work', 'the guest agent was started anew while the command ran, and lost it', {
    hint: 'something in the guest restarts it: an update, or cloud-init; let --expect wait for the end of that',
  });
}

const ENDINGS: Readonly<Record<ShutdownReason, string>> = {
  'guest-shutdown': 'powered itself off',
  'guest-reset': 'rebooted (a processor fault and panic=N do that too)',
  'guest-panic': 'panicked',
};

function missing(goal: Goal): string {
  switch (goal.type) {
    case 'login prompt':
      return 'the guest showed no login prompt';
    case 'text':
      return `the guest showed nothing that matches /${goal.pattern.source}/`;
    case 'agent':
      return 'the guest agent did not answer';
    case 'command':
      return 'the command in the guest did not end';
  }
}

function awaited(goal: Goal): string {
  switch (goal.type) {
    case 'login prompt':
      return 'it showed a login prompt';
    case 'text':
      return `it showed anything that matches /${goal.pattern.source}/`;
    case 'agent':
      return 'its agent answered';
    case 'command':
      return 'the command ended';
  }
}

function timeoutHint(goal: Goal, { console, loginPromptSeen }: ConsoleState): string {
  if (goal.type === 'command') return 'give it longer: --timeout SECONDS counts from the start of the boot';
  if (goal.type === 'agent') {
    const seen = loginPromptSeen ? 'the guest is up, its login prompt was there; ' : '';
    return `${seen}the image needs the package qemu-guest-agent, or a user-data for cloud-init that installs it`;
  }
  if (!console.some((line) => LINUX_SPEAKS.test(line))) {
    return 'Linux wrote nothing to the serial console: the image may lack console=ttyS0 on its kernel command line';
  }
  return 'give it longer with --timeout SECONDS, or watch it: vlb test-boot without --check';
}

/** A kernel's timestamps or systemd's status lines. */
const LINUX_SPEAKS = /^\[ *\d+\.\d+\]|^\[ *(?:OK|FAILED) *\]|Linux version/;

function qemuKilled(signal: string, detail: readonly string[]): Failed {
  const hint =
    signal === 'SIGKILL'
      ? 'the kernel log (dmesg) tells whether this host ran out of memory'
      : hintFor(detail.join('\n'));
  return fail('host', `QEMU was ended by ${signal}`, { ...(hint === undefined ? {} : { hint }), detail });
}

function qemuFailed(end: MachineEnd, image: string, detail: readonly string[]): Failed {
  const complaints = end.complaints.join('\n');
  if (/Failed to get (?:shared )?"\w+" lock/.test(complaints)) return lockedImage(image);
  const hint = hintFor(complaints);
  const [last = 'it said nothing'] = lastLines(complaints, 1);
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
    "the bridge needs a line 'allow BRIDGE' in /etc/qemu/bridge.conf",
  ],
  [/cannot set up guest memory|Cannot allocate memory/, 'give the guest less: --memory MIB'],
  [/could not set up host forwarding/i, 'the port is in use: forward another one'],
  [
    /failed to initialize kvm|Could not access KVM|failed to set MSR/i,
    'KVM does not work here: use --accel tcg',
  ],
];
