// What a deployment to libvirt does, decided from what was found: the domain, the state in its metadata, its files. Pure, so that
// each state in which a killed deployment can leave a domain is tested.

import { fail, ok, type Result } from '../../model/failure.ts';
import type { DeployState, SystemDisk } from './state.ts';

/** What was found. */
export type Found =
  | { readonly domain: 'absent' }
  | { readonly domain: 'ours'; readonly isRunning: boolean; readonly state: DeployState };

export interface Wanted {
  readonly rollback: boolean;
  /** Whether the same content is deployed again. */
  readonly force: boolean;
  /** Of the system disk; undefined while it is not built. */
  readonly content: string | undefined;
  /** MiB. */
  readonly memory: number;
  readonly cpus: number;
  readonly keep: number;
  /** Whether the check has to see the guest start. */
  readonly seesStart: boolean;
  /** Where the disks are, or will be. */
  readonly pool: string;
  /** The target of the system disk in a new definition. */
  readonly target: string;
  /** The file of a system disk with this number. */
  readonly fileOf: (number: number) => string;
  /** The files of the data disks of a new domain. */
  readonly data: readonly string[];
  /** Whether a file is in the pool; undefined where that is not known yet. */
  readonly exists: (file: string) => boolean | undefined;
}

export type Step =
  /** Defines the domain for the first time. */
  | { readonly type: 'define'; readonly state: DeployState }
  /** Writes the state into the domain's metadata, and its current disk into its definition, at once. */
  | { readonly type: 'record'; readonly state: DeployState }
  | { readonly type: 'copy'; readonly disk: SystemDisk }
  | { readonly type: 'copy data' }
  | { readonly type: 'stop' }
  | { readonly type: 'start' }
  | { readonly type: 'check' }
  | { readonly type: 'remove'; readonly files: readonly string[] }
  /** Removes a domain that was never started, and its disks. */
  | { readonly type: 'clear'; readonly files: readonly string[] };

/** Steps that belong together: when one fails, what undoes them is done, and the deployment ends. */
export interface Part {
  readonly steps: readonly Step[];
  readonly undo: readonly Step[];
  /** Whether the earlier disk runs again after `undo`. */
  readonly goesBackTo?: SystemDisk;
}

/** Empty when there is nothing to do. */
export type DeployPlan = readonly Part[];

/** Fails as `usage` where there is nothing to go back to, or where it cannot be known what a disk holds. */
export function planSteps(found: Found, wanted: Wanted): Result<DeployPlan> {
  if (found.domain === 'absent') {
    return wanted.rollback ? fail('usage', 'there is no such domain to roll back') : ok(firstTime(wanted));
  }
  const { state, isRunning } = found;
  if (state.phase === 'new') return again(state, isRunning, wanted);
  return wanted.rollback ? rollBack(state, isRunning, wanted) : ok(deploy(state, isRunning, wanted));
}

function firstTime(wanted: Wanted): DeployPlan {
  const { content = '', memory, cpus, pool, target, data } = wanted;
  const current = newDisk([], content, wanted);
  const state: DeployState = {
    phase: 'new',
    ...{ pool, target, memory, cpus, current, data },
    earlier: [],
    discarded: [],
  };
  const tried: DeployState = { ...state, phase: 'trying', data: [] };
  return [
    {
      steps: [{ type: 'define', state }, { type: 'copy', disk: current }, { type: 'copy data' }],
      undo: [{ type: 'clear', files: [current.file, ...data] }],
    },
    { steps: [record(tried), { type: 'start' }, { type: 'check' }], undo: [] },
    settled(tried, wanted),
  ];
}

/** A first deployment was killed while the disks were copied. */
function again(state: DeployState, isRunning: boolean, wanted: Wanted): Result<DeployPlan> {
  if (wanted.rollback) return NO_EARLIER;
  if (isRunning) {
    return fail('usage', 'the domain was started while its disks were not complete', {
      hint: 'if nothing on its disks is needed: virsh destroy it, and deploy again',
    });
  }
  const clear: Part = {
    steps: [{ type: 'clear', files: [state.current.file, ...state.data] }],
    undo: [],
  };
  const gone = new Set([state.current.file, ...state.data]);
  return ok([clear, ...firstTime({ ...wanted, exists: (file) => !gone.has(file) && wanted.exists(file) })]);
}

function deploy(state: DeployState, isRunning: boolean, wanted: Wanted): DeployPlan {
  const { next, ...rest } = state;
  const dropped = drop(state);
  const isSame =
    wanted.content === state.current.content &&
    wanted.memory === state.memory &&
    wanted.cpus === state.cpus &&
    !wanted.force;
  const start: readonly Step[] = [
    ...(wanted.seesStart && isRunning ? [{ type: 'stop' } as const] : []),
    { type: 'start' },
    { type: 'check' },
  ];
  if (isSame && state.phase === 'trying') {
    const tried = withoutNext(state);
    return [...dropped, trial(start, tried, goodOf(tried, wanted)), settled(tried, wanted)];
  }
  if (isSame) {
    const last = state.phase === 'going back' ? [record({ ...rest, phase: 'settled' })] : [];
    const steps = isRunning ? last : [{ type: 'start' } as const, { type: 'check' } as const, ...last];
    return [...dropped, ...(steps.length > 0 ? [{ steps, undo: [] }] : [])];
  }

  const known = [state.current, ...(next ? [next] : []), ...state.earlier, ...state.discarded];
  const fresh = newDisk(known, wanted.content ?? '', wanted);
  const good = goodOf(state, wanted);
  const unproven = state.phase === 'trying' ? [state.current] : [];
  const tried: DeployState = {
    ...rest,
    phase: 'trying',
    memory: wanted.memory,
    cpus: wanted.cpus,
    current: fresh,
    earlier: good ? [good.disk, ...good.rest] : [],
    discarded: [...unproven, ...state.discarded],
  };
  return [
    ...dropped,
    {
      steps: [record({ ...rest, next: fresh }), { type: 'copy', disk: fresh }],
      undo: [{ type: 'remove', files: [fresh.file] }, record(rest)],
    },
    trial([{ type: 'stop' }, record(tried), { type: 'start' }, { type: 'check' }], tried, good, rest),
    settled(tried, wanted),
  ];
}

/** The disk that is known to work, and those before it. */
interface Good {
  readonly disk: SystemDisk;
  readonly rest: readonly SystemDisk[];
}

function goodOf(state: DeployState, { exists }: Pick<Wanted, 'exists'>): Good | undefined {
  const left = state.earlier.filter((disk) => isThere(disk, exists));
  if (state.phase !== 'trying') return { disk: state.current, rest: left };
  const [disk, ...rest] = left;
  return disk ? { disk, rest } : undefined;
}

/** The steps after which the new disk runs; if one fails, the good one does again. @param before has the hardware to go back to */
function trial(
  steps: readonly Step[],
  tried: DeployState,
  good: Good | undefined,
  { memory, cpus }: Pick<DeployState, 'memory' | 'cpus'> = tried,
): Part {
  if (!good) return { steps, undo: [] };
  const back: DeployState = {
    ...tried,
    ...{ memory, cpus },
    phase: 'going back',
    current: good.disk,
    earlier: good.rest,
    discarded: [tried.current, ...tried.discarded],
  };
  return {
    steps,
    undo: [{ type: 'stop' }, record(back), { type: 'start' }, record({ ...back, phase: 'settled' })],
    goesBackTo: good.disk,
  };
}

/** The last part: the new disk is accepted, and those that are not needed any more are removed. */
function settled(tried: DeployState, { keep }: Wanted): Part {
  const discarded = [...tried.earlier.slice(keep), ...tried.discarded];
  const done: DeployState = { ...tried, phase: 'settled', earlier: tried.earlier.slice(0, keep), discarded };
  if (discarded.length === 0) return { steps: [record(done)], undo: [] };
  const files = discarded.filter(({ number }) => number > 0).map(({ file }) => file);
  return {
    steps: [record(done), { type: 'remove', files }, record({ ...done, discarded: [] })],
    undo: [],
  };
}

function rollBack(state: DeployState, isRunning: boolean, wanted: Wanted): Result<DeployPlan> {
  const start: readonly Step[] = [{ type: 'start' }, { type: 'check' }];
  const dropped = drop(state);
  const { next: _next, ...rest } = state;
  if (state.phase === 'going back') {
    const done = record({ ...rest, phase: 'settled' });
    return ok([...dropped, { steps: start, undo: [done] }, { steps: [done], undo: [] }]);
  }
  if (state.phase === 'settled' && state.next) {
    // Killed while it copied, or before the new disk was in place: the earlier one is still the current one.
    return ok([...dropped, ...(isRunning ? [] : [{ steps: start, undo: [] }])]);
  }
  const [earlier, ...others] = state.earlier.filter((disk) => isThere(disk, wanted.exists));
  if (!earlier) return NO_EARLIER;
  const back: DeployState = {
    ...rest,
    phase: 'going back',
    current: earlier,
    earlier: others,
    discarded: [state.current, ...state.discarded],
  };
  const done = record({ ...back, phase: 'settled' });
  return ok([
    ...dropped,
    { steps: [{ type: 'stop' }, record(back), ...start], undo: [{ type: 'start' }, done] },
    { steps: [done], undo: [] },
  ]);
}

const NO_EARLIER = fail('usage', 'there is no earlier system disk to go back to');

/** Removes what a killed deployment was copying. */
function drop(state: DeployState): DeployPlan {
  if (!state.next) return [];
  return [{ steps: [{ type: 'remove', files: [state.next.file] }, record(withoutNext(state))], undo: [] }];
}

function withoutNext({ next: _next, ...rest }: DeployState): DeployState {
  return rest;
}

function record(state: DeployState): Step {
  return { type: 'record', state };
}

/** A disk that was taken over may be outside of the pool, where it is not seen. */
function isThere({ number, file }: SystemDisk, exists: Wanted['exists']): boolean {
  return number === 0 || exists(file) !== false;
}

/** The first number above all known ones whose file does not exist: one that does belongs to others. */
function newDisk(known: readonly SystemDisk[], content: string, { fileOf, exists }: Wanted): SystemDisk {
  let number = Math.max(0, ...known.map((disk) => disk.number)) + 1;
  while (exists(fileOf(number)) === true) number++;
  return { number, file: fileOf(number), format: 'qcow2', content, hasAgent: false };
}

/** What a plan does, a phrase for each step that a user knows of. */
export function describePlan(plan: DeployPlan): readonly string[] {
  const phrases = plan.flatMap(({ steps, goesBackTo }) => [
    ...steps.flatMap(phraseOf),
    ...(goesBackTo ? [`if that fails, go back to ${goesBackTo.file}`] : []),
  ]);
  return phrases.filter((phrase, index) => phrase !== phrases[index - 1]);
}

function phraseOf(step: Step): readonly string[] {
  switch (step.type) {
    case 'define':
      return ['define the domain'];
    case 'record':
      return step.state.phase === 'settled' || step.state.next
        ? []
        : [`point it at ${step.state.current.file}`];
    case 'copy':
      return [`copy the system disk to ${step.disk.file}`];
    case 'copy data':
      return ['create the data disks'];
    case 'stop':
      return ['shut down the guest'];
    case 'start':
      return ['start the guest'];
    case 'check':
      return ['check it'];
    case 'remove':
      return step.files.map((file) => `remove ${file}`);
    case 'clear':
      return ['remove what an interrupted deployment left'];
  }
}
