// The failures of booted layers as messages.

import { fail, type Result } from '../../../model/failure.ts';
import { REBOOT_STATUS } from '../../../model/ports/guest.ts';
import type { MachineEnd } from '../qemu/machine.ts';
import { machineTrouble } from '../troubles.ts';

type Failed = Extract<Result<never>, { ok: false }>;

/** What a booted layer is doing. */
export type Phase =
  /** Until the guest has taken the script. */
  | 'boot'
  /** Until it has started, and the script can. */
  | 'start'
  | 'script'
  /** After the script, until it is off. */
  | 'end';

/** @param console its last lines */
export function endedEarly(phase: Phase, end: MachineEnd, image: string, console: readonly string[]): Failed {
  const trouble = machineTrouble(end, image, console);
  if (trouble) return trouble;
  const until = phase === 'boot' || phase === 'start' ? 'it started the script' : 'its script ended';
  if (end.reason === 'guest-reset') {
    return fail('work', `the guest rebooted before ${until}`, {
      detail: console,
      hint: `exit with status ${REBOOT_STATUS}, instead of rebooting: the script runs again after a reboot`,
    });
  }
  const how = end.reason === 'guest-panic' ? 'panicked' : 'powered off';
  return fail('work', `the guest ${how} before ${until}`, { detail: console });
}

/** @param refused what the guest agent said, if it did not run a command */
export function notTaken(seconds: number, console: readonly string[], refused: string | undefined): Failed {
  return fail('work', `the guest did not take the script within ${seconds} s`, {
    detail: console,
    hint:
      refused === undefined
        ? 'the image needs systemd 252 or later, or the package qemu-guest-agent'
        : `the image needs systemd 252 or later; its guest agent refused to run a command: ${refused}`,
  });
}

export function notStarted(seconds: number, waitFor: string | undefined, console: readonly string[]): Failed {
  const message =
    waitFor === undefined
      ? `the guest did not finish starting within ${seconds} s`
      : `${waitFor} was not active in the guest within ${seconds} s`;
  return fail('work', message, { detail: console, hint: 'wait for one unit: # vlb: wait-for UNIT' });
}

export function notOff(seconds: number, console: readonly string[]): Failed {
  return fail('work', `the guest did not power off within ${seconds} s after its script`, {
    detail: console,
  });
}

export function scriptLost(console: readonly string[]): Failed {
  return fail('work', 'the script was lost: what runs it in the guest was killed', { detail: console });
}

export function stopped(console: readonly string[]): Failed {
  return fail('work', 'the script was stopped', { detail: console });
}

export function tooManyBoots(boots: number): Failed {
  return fail('work', `the script asked for a reboot ${boots} times`, {
    hint: 'the variable VLB_BOOT counts its runs, from 1',
  });
}
