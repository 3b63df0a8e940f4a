// Checks a booting guest: waits until it is ready, or until it certainly never will be.

import { setTimeout as delay } from 'node:timers/promises';
import { fail, ok, type Result } from '../../model/failure.ts';
import type { BootListener, CheckOptions } from '../../model/ports/booter.ts';
import { type ConsoleReader, readConsole } from './console/reader.ts';
import { LOGIN_PROMPT } from './console/watch.ts';
import { followMachine } from './follow.ts';
import { GuestAgent } from './guest/agent.ts';
import { runInGuest } from './guest/command.ts';
import type { Machine, MachineEnd } from './qemu/machine.ts';
import { commandFailed, commandLost, commandRefused, type Goal, machineEnded, timedOut } from './troubles.ts';

export interface Wanted extends CheckOptions {
  /** For the whole boot and the commands, s. */
  readonly timeout: number;
  /** For messages: the image's path, and the directory of QEMU's overlay. */
  readonly image: string;
  readonly scratch: string;
}

export interface Checked {
  readonly matched: string | undefined;
  /** `performance.now()` when the guest was ready. */
  readonly readyAt: number;
}

/** The state of one check. */
interface Course {
  readonly machine: Machine;
  readonly wanted: Wanted;
  readonly console: ConsoleReader;
  readonly listener: BootListener;
  /** Aborts when the check is over, whatever its result. */
  readonly over: AbortSignal;
  /** What the check waits for now. */
  readonly aim: { goal: Goal };
}

/** Follows a machine from its start. Fails as `work`, as `host` when QEMU itself fails, or as `interrupted`. */
export async function checkGuest(
  machine: Machine,
  wanted: Wanted,
  listener: BootListener,
  signal: AbortSignal,
): Promise<Result<Checked>> {
  const console = readConsole(machine.console, wanted.expect ?? LOGIN_PROMPT, (text) =>
    listener.console(text),
  );
  const aim = { goal: firstGoal(wanted) };
  const onEnd = (end: MachineEnd) => machineEnded(aim.goal, end, wanted.image, console.lines());
  return await followMachine(
    { machine, console, scratch: wanted.scratch, onEnd },
    (over) => {
      const course = { machine, wanted, console, listener, aim, over };
      return Promise.race([reachGoals(course), timeLimit(course, signal)]);
    },
    signal,
  );
}

function firstGoal({ expect, commands }: Wanted): Goal {
  if (expect) return { type: 'text', pattern: expect };
  return commands === undefined ? { type: 'login prompt' } : { type: 'agent' };
}

async function reachGoals(course: Course): Promise<Result<Checked>> {
  const { console, wanted } = course;
  const matched = course.aim.goal.type === 'agent' ? undefined : await console.expected;
  if (wanted.commands === undefined) return ok({ matched, readyAt: performance.now() });

  course.aim.goal = { type: 'agent' };
  const channel = await course.machine.agent;
  if (!channel) throw new Error('a machine for a command was started without a channel to its agent');
  const agent = new GuestAgent(channel);
  if (!(await agent.answers(course.over))) return interrupted();
  const readyAt = performance.now();

  course.aim.goal = { type: 'command' };
  for (const command of wanted.commands) {
    const ran = await runCommand(agent, command, course);
    if (!ran.ok) return ran;
  }
  return ok({ matched, readyAt });
}

async function runCommand(agent: GuestAgent, command: string, course: Course): Promise<Result<void>> {
  const end = await runInGuest(agent, command, course.over);
  switch (end.type) {
    case 'ended':
      course.listener.commandOutput(end.output, end.status);
      return end.status === 0 ? ok() : commandFailed(end.status);
    case 'refused':
      return commandRefused(end.message);
    case 'lost':
      return commandLost();
    case 'aborted':
      return interrupted();
  }
}

/** The time limit, or an interrupt by the user. */
async function timeLimit(course: Course, signal: AbortSignal): Promise<Result<Checked>> {
  await delay(course.wanted.timeout * 1000, undefined, { signal: course.over }).catch(() => {}); // rejects on abort
  if (signal.aborted) return interrupted();
  const { console, aim, wanted } = course;
  const loginPromptSeen = wanted.expect === undefined && console.matched() !== undefined;
  return timedOut(aim.goal, wanted.timeout, { console: console.lines(), loginPromptSeen });
}

function interrupted(): Result<never> {
  return fail('interrupted', 'the test boot was interrupted');
}
