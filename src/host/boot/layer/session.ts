// One boot of a guest for a layer's script: from QEMU's start until the machine is off.

import { setTimeout as delay } from 'node:timers/promises';
import { fail, ok, type Result } from '../../../model/failure.ts';
import type { OnOutput } from '../../../model/ports/guest.ts';
import { lineWise } from '../console/lines.ts';
import { type ConsoleReader, readConsole } from '../console/reader.ts';
import { LOGIN_PROMPT } from '../console/watch.ts';
import { followMachine } from '../follow.ts';
import { GuestAgent } from '../guest/agent.ts';
import { runInGuest } from '../guest/command.ts';
import { PORTS } from '../qemu/arguments.ts';
import type { Control } from '../qemu/control.ts';
import type { HandOverPorts, Machine, MachineEnd } from '../qemu/machine.ts';
import { type SmallFile, sendArchive } from './archive.ts';
import { plugUntilOpen } from './plug.ts';
import { AGENT_COMMAND } from './scripts.ts';
import { endedEarly, notOff, notStarted, notTaken, type Phase, scriptLost, stopped } from './troubles.ts';
import { readWords } from './words.ts';

export interface Session {
  readonly files: readonly SmallFile[];
  /** The directory that follows the files. */
  readonly inputs: string;
  readonly waitFor: string | undefined;
  /** For booting, starting and powering off, seconds each. */
  readonly limit: number;
  /** For messages: the disk, and the directory of QEMU's files. */
  readonly image: string;
  readonly scratch: string;
  readonly onOutput: OnOutput;
  /** Receives a line of the console until the script starts. */
  readonly onConsole: (line: string) => void;
}

/** How often the guest agent is asked to take the script, ms. */
const OFFER_EVERY_MS = 2000;
const LOOK_EVERY_MS = 100;
/** What is left for the way without the guest agent once that answers, of the limit. */
const AGENT_PART = 1 / 20;
/** How long QEMU may take to write what it holds, ms. */
const QUIT_MS = 10_000;
/** How long a guest may take, of the limit, to power off or to say how the script ended once what runs the script has ended. */
const LOST_PART = 1 / 4;

/**
 * Runs the script in a machine that has just started, and returns its exit status when the machine is off. Its disk is complete in
 * any case, unless `kill` aborts.
 * @param stop ends the script, which fails then
 * @param kill ends everything at once: fails as `interrupted`
 */
export async function runSession(
  machine: Machine,
  session: Session,
  { stop, kill }: { readonly stop: AbortSignal; readonly kill: AbortSignal },
): Promise<Result<number>> {
  const { handOver } = machine;
  if (!handOver) throw new Error('a machine for a script was started without its ports');
  const course: Course = { phase: 'boot', status: undefined, refused: undefined };
  const console = readConsole(
    machine.console,
    LOGIN_PROMPT,
    lineWise((line) => {
      if (course.phase === 'boot' || course.phase === 'start') session.onConsole(line);
    }),
  );
  const onEnd = (end: MachineEnd) =>
    course.phase === 'end' && end.reason === 'guest-shutdown'
      ? undefined
      : endedEarly(course.phase, end, session.image, console.lines());
  const ended = await followMachine(
    { machine, console, scratch: session.scratch, onEnd },
    (over) =>
      Promise.race([
        work({ machine, handOver, session, course, console, over }),
        aborted(stop).then(() => stopped(console.lines())),
        aborted(kill).then(() => interrupted()),
      ]),
    kill,
  );
  if (!ended.ok && !kill.aborted) await quit(machine, handOver);
  return ended;
}

interface Course {
  phase: Phase;
  status: number | undefined;
  /** What the guest agent said, if it did not run a command. */
  refused: string | undefined;
}

interface Work {
  readonly machine: Machine;
  readonly handOver: HandOverPorts;
  readonly session: Session;
  readonly course: Course;
  readonly console: ConsoleReader;
  readonly over: AbortSignal;
}

async function work(all: Work): Promise<Result<number>> {
  const { machine, handOver, session, course, console, over } = all;
  const { limit } = session;
  const words = await handOver.words;
  readWords(words, (word) => {
    if (word.type === 'taken') course.phase = 'start';
    else if (word.type === 'started') course.phase = 'script';
    else {
      course.phase = 'end';
      course.status = word.status;
    }
  });
  const output = passOn(handOver, session.onOutput);
  const sent = sendArchive(await handOver.input, session.files, session.inputs);
  const control = await handOver.control;
  void offerByAgent(all, control, limit * AGENT_PART);
  void plugUntilOpen(control, words, over);
  if (!(await reached(course, 'boot', limit, over))) return notTaken(limit, console.lines(), course.refused);
  const sending = await sent;
  if (!sending.ok) return sending;
  if (!(await reached(course, 'start', limit, over))) {
    return notStarted(limit, session.waitFor, console.lines());
  }
  while (course.phase === 'script' && !over.aborted) {
    if (control.hasOpened(PORTS.words)) await pause(LOOK_EVERY_MS, over);
    else {
      // A guest that is powered off ends it first.
      const isTold = await reached(course, 'script', limit * LOST_PART, over);
      if (!isTold) return scriptLost(console.lines());
    }
  }
  const off = await Promise.race([
    machine.ended.then(() => true),
    pause(limit * 1000, over).then(() => false),
  ]);
  if (!off) return notOff(limit, console.lines());
  await output;
  return over.aborted ? interrupted() : ok(course.status ?? 255);
}

/** Waits until a phase is over. False when it takes too long. */
async function reached(course: Course, phase: Phase, seconds: number, over: AbortSignal): Promise<boolean> {
  const until = performance.now() + seconds * 1000;
  while (course.phase === phase && !over.aborted) {
    if (performance.now() > until) return false;
    await pause(LOOK_EVERY_MS, over);
  }
  return true;
}

/** For a system that does not take the script without it. */
async function offerByAgent(
  { machine, course, over }: Work,
  control: Control,
  patience: number,
): Promise<void> {
  const channel = await machine.agent;
  if (!channel) return;
  const agent = new GuestAgent(channel);
  if (!(await agent.answers(over))) return;
  await pause(patience * 1000, over);
  while (course.phase === 'boot' && !over.aborted && !control.hasOpened(PORTS.words)) {
    const end = await runInGuest(agent, AGENT_COMMAND, over);
    if (end.type === 'refused') course.refused = end.message;
    await pause(OFFER_EVERY_MS, over);
  }
}

/** The guest waits while a chunk is not taken. */
async function passOn(handOver: HandOverPorts, onOutput: OnOutput): Promise<void> {
  try {
    for await (const chunk of await handOver.output) await onOutput(Buffer.from(chunk));
  } catch {
    // QEMU was killed, which is reported elsewhere.
  }
}

/** A QEMU that failed to start never connected. */
async function quit(machine: Machine, { control }: HandOverPorts): Promise<void> {
  void control.then((connected) => connected.quit());
  const over = new AbortController();
  await Promise.race([machine.ended, pause(QUIT_MS, over.signal)]);
  over.abort();
}

/** Ends early on the signal. */
async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await delay(milliseconds, undefined, { signal }).catch(() => {}); // rejects on abort
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function interrupted(): Result<never> {
  return fail('interrupted', 'the run in the guest was interrupted');
}
