// Checks a booting guest: waits until it is ready, or until it certainly never will be.

import { setTimeout as delay, setImmediate } from 'node:timers/promises';
import { fail, ok, type Result } from '../../model/failure.ts';
import type { BootListener, CheckOptions } from '../../model/ports/booter.ts';
import { type ConsoleReader, readConsole } from './console/reader.ts';
import { LOGIN_PROMPT } from './console/watch.ts';
import { GuestAgent } from './guest/agent.ts';
import { runInGuest } from './guest/command.ts';
import type { Machine } from './qemu/machine.ts';
import {
  commandFailed,
  commandLost,
  commandRefused,
  type Goal,
  machineEnded,
  pausedByQemu,
  symptomSeen,
  timedOut,
} from './troubles.ts';

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
  goal: Goal;
}

/** How long to wait for more output after a symptom, so that a panic is shown with its trace, ms. */
const LAST_WORDS_MS = 250;

/** Follows a machine from its start. Fails as `work`, as `host` when QEMU itself fails, or as `interrupted`. */
export async function checkGuest(
  machine: Machine,
  wanted: Wanted,
  listener: BootListener,
  signal: AbortSignal,
): Promise<Result<Checked>> {
  const decided = new AbortController();
  const course: Course = {
    machine,
    wanted,
    console: readConsole(machine.console, wanted.expect ?? LOGIN_PROMPT, (text) => listener.console(text)),
    listener,
    over: AbortSignal.any([signal, decided.signal]),
    goal: firstGoal(wanted),
  };
  try {
    return await Promise.race([
      reachGoals(course),
      timeLimit(course, signal),
      badSymptom(course),
      endOfMachine(course),
      machine.paused.then((pause) => pausedByQemu(pause, wanted.scratch, course.console.lines())),
    ]);
  } finally {
    decided.abort();
  }
}

function firstGoal({ expect, commands }: Wanted): Goal {
  if (expect) return { type: 'text', pattern: expect };
  return commands === undefined ? { type: 'login prompt' } : { type: 'agent' };
}

async function reachGoals(course: Course): Promise<Result<Checked>> {
  const { console, wanted } = course;
  const matched = course.goal.type === 'agent' ? undefined : await console.expected;
  if (wanted.commands === undefined) return ok({ matched, readyAt: performance.now() });

  course.goal = { type: 'agent' };
  const channel = await course.machine.agent;
  if (!channel) throw new Error('a machine for a command was started without a channel to its agent');
  const agent = new GuestAgent(channel);
  if (!(await agent.answers(course.over))) return interrupted();
  const readyAt = performance.now();

  course.goal = { type: 'command' };
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
  const { console, goal, wanted } = course;
  const loginPromptSeen = wanted.expect === undefined && console.matched() !== undefined;
  return timedOut(goal, wanted.timeout, { console: console.lines(), loginPromptSeen });
}

async function badSymptom({ console, over }: Course): Promise<Result<Checked>> {
  const sighting = await console.symptom;
  await delay(LAST_WORDS_MS, undefined, { signal: over }).catch(() => {}); // rejects on abort
  return symptomSeen(sighting, console.lines());
}

async function endOfMachine(course: Course): Promise<Result<Checked>> {
  const { machine, console, wanted } = course;
  const end = await machine.ended;
  console.look();
  await setImmediate(); // a goal that the guest's last output reached takes precedence
  const sighting = console.sighting();
  if (sighting) return symptomSeen(sighting, console.lines());
  return machineEnded(course.goal, end, wanted.image, console.lines());
}

function interrupted(): Result<never> {
  return fail('interrupted', 'the test boot was interrupted');
}
