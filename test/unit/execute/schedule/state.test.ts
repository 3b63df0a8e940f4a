// The machine of the scheduler: each event in each state of a node, and stories of whole schedules.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type {
  Effect,
  NodeState,
  Schedule,
  ScheduleEvent,
  ScheduleLimits,
} from '../../../../src/execute/schedule/schedule.ts';
import { begin, isOver, isUnderWay, next } from '../../../../src/execute/schedule/state.ts';
import type { BuildRecord, Key } from '../../../../src/model/artifact.ts';
import { type Failure, fail } from '../../../../src/model/failure.ts';
import type { Action, Plan } from '../../../../src/model/plan.ts';

type Found = 'fresh' | 'restore';

interface Given {
  /** `b<a+m`: the layer, its parent, what it mounts; then what the plan says of it. */
  readonly [layer: string]: 'run' | Found | 'shared';
}

const BROKEN = fail('work', 'it failed').failure;
const INTERRUPTED = fail('interrupted', 'stopped').failure;

function recordOf(layer: string): BuildRecord {
  const artifact = { keeping: 'cached', disks: [{ name: 'main', digest: layer, bytes: 1 }] };
  return { key: layer, layer, artifact, seconds: 1 } as unknown as BuildRecord; // only these are read
}

function actionOf(layer: string, state: string): Action {
  if (state === 'run') return { type: 'run', reason: 'no record', changes: [] };
  return { type: state === 'fresh' ? 'fresh' : 'restore', record: recordOf(layer) };
}

function planOf(given: Given): Plan {
  return Object.entries(given).map(([text, state]) => {
    const [name = '', below = ''] = text.split('<');
    const [parent, ...mounts] = below === '' ? [] : below.split('+');
    return {
      node: { type: 'layer', name, parent, mounts: mounts.map((mount) => ({ name: mount, target: '/m' })) },
      keeping: 'cached',
      action: actionOf(name, state),
    } as unknown as Plan[number]; // the layer itself is not read
  });
}

/** A schedule with what has come of it. */
class Story {
  schedule: Schedule;
  /** Since the last call of `take`. */
  #effects: Effect[] = [];
  #now = 0;

  constructor(given: Given, limits: Partial<ScheduleLimits> = {}, wanted: readonly string[] = []) {
    const shared = new Set(
      Object.entries(given).flatMap(([text, state]) => (state === 'shared' ? text.split('<', 1) : [])),
    );
    const { schedule, effects } = begin(
      planOf(given),
      new Set(wanted),
      { jobs: 2, keepGoing: false, ...limits },
      ({ layer }) => shared.has(layer),
    );
    this.schedule = schedule;
    this.#effects.push(...effects);
  }

  tell(...events: readonly ScheduleEvent[]): this {
    for (const event of events) {
      const before = JSON.stringify(this.schedule);
      const { schedule, effects } = next(this.schedule, event, this.#now);
      assert.equal(JSON.stringify(this.schedule), before, 'a schedule never changes');
      this.#now += 1000;
      this.schedule = schedule;
      this.#effects.push(...effects);
    }
    return this;
  }

  /** The effects since the last time, a word and a layer each. */
  take(): string {
    const taken = this.#effects.map((effect) => {
      if (effect.type === 'execute') return `execute ${effect.node.step.node.name}`;
      if (effect.type === 'fetch' || effect.type === 'await') return `${effect.type} ${effect.layer}`;
      return effect.type === 'stop' ? 'stop' : `${effect.event.layer} ${effect.event.outcome}`;
    });
    this.#effects = [];
    return taken.join(', ');
  }

  get states(): string {
    return this.schedule.nodes.map(({ step, state }) => `${step.node.name} ${state}`).join(', ');
  }

  stateOf(layer: string): NodeState | undefined {
    return this.schedule.nodes.find(({ step }) => step.node.name === layer)?.state;
  }
}

const PROCEED: ScheduleEvent = { type: 'proceed' };
const fetched = (layer: string, ok: boolean): ScheduleEvent => ({ type: 'fetched', layer, ok });
const claimed = (layer: string): ScheduleEvent => ({ type: 'claimed', layer, key: layer as Key });
const built = (layer: string): ScheduleEvent => ({ type: 'built', layer });
const finished = (layer: string, outcome: 'fresh' | 'restored' | 'built' = 'built'): ScheduleEvent => ({
  type: 'finished',
  layer,
  record: recordOf(layer),
  outcome,
});
const failed = (layer: string, failure: Failure = BROKEN): ScheduleEvent => ({
  type: 'failed',
  layer,
  failure,
});
const superseded = (layer: string): ScheduleEvent => ({ type: 'superseded', layer });

test('a layer that another machine builds takes no job, and is decided again afterwards', () => {
  const story = new Story({ a: 'run', b: 'run', 'c<a': 'run' }, { jobs: 1 });
  story.tell(PROCEED);
  assert.equal(story.take(), 'execute a');
  story.tell(claimed('a'), PROCEED);
  assert.equal(story.take(), 'await a, execute b');
  story.tell({ type: 'released', layer: 'a' }, PROCEED);
  assert.equal(story.take(), '', 'b has the job');
  story.tell(finished('b'), PROCEED);
  assert.equal(story.take(), 'b built, execute a');
  assert.equal(story.schedule.nodes[0]?.isResumed, true);
  story.tell(finished('a', 'restored'), PROCEED);
  assert.equal(story.take(), 'a restored, execute c');
});

test('a build that is stopped while a layer waits for another machine skips it', () => {
  const story = new Story({ a: 'run', b: 'run' }, { jobs: 2 });
  story.tell(PROCEED, claimed('a'), failed('b'));
  story.tell({ type: 'released', layer: 'a' }, PROCEED);
  assert.equal(story.stateOf('a'), 'skipped');
  assert.ok(isOver(story.schedule));
});

describe('each event in each state', () => {
  /** A way into each state, for the layer b on a; c is built on b. */
  const WAYS: Readonly<Record<string, () => Story>> = {
    waiting: () => new Story({ a: 'run', 'b<a': 'run', 'c<b': 'run' }).tell(PROCEED),
    'waiting, fetched ahead': () => new Story({ a: 'run', 'b<a': 'shared' }).tell(PROCEED),
    fetching: () => new Story({ a: 'fresh', 'b<a': 'shared' }).tell(PROCEED, finished('a'), PROCEED),
    running: () =>
      new Story({ a: 'fresh', 'b<a': 'run', 'c<b': 'run' }).tell(PROCEED, finished('a'), PROCEED),
    claimed: () => WAYS['running']?.().tell(claimed('b')) ?? assert.fail(),
    sharing: () => WAYS['running']?.().tell(built('b')) ?? assert.fail(),
    recording: () =>
      new Story({ a: 'fresh', 'b<a': 'restore', 'c<b': 'run' }).tell(PROCEED, finished('a'), PROCEED),
    'not fetched': () =>
      new Story({ a: 'fresh', 'b<a': 'shared', 'c<a+b': 'restore' }).tell(PROCEED, finished('a'), PROCEED),
    done: () => WAYS['running']?.().tell(finished('b')) ?? assert.fail(),
    failed: () => WAYS['running']?.().tell(failed('b')) ?? assert.fail(),
    skipped: () => WAYS['running']?.().tell(superseded('b')) ?? assert.fail(),
  };

  const EVENTS: Readonly<Record<string, ScheduleEvent>> = {
    proceed: PROCEED,
    fetched: fetched('b', true),
    lost: fetched('b', false),
    built: built('b'),
    claimed: claimed('b'),
    released: { type: 'released', layer: 'b' },
    finished: finished('b'),
    failed: failed('b'),
    interrupted: failed('b', INTERRUPTED),
    superseded: superseded('b'),
  };

  /** The state of b afterwards and the effects, where the event does anything at all. */
  const TABLE: Readonly<Record<string, Readonly<Record<string, string>>>> = {
    waiting: {},
    'waiting, fetched ahead': {},
    fetching: { fetched: 'recording: execute b', lost: 'waiting' },
    running: {
      built: 'sharing',
      claimed: 'claimed: await b',
      finished: 'done: b built',
      failed: 'failed: b failed, stop',
      interrupted: 'failed: b failed, stop',
      superseded: 'skipped: b skipped',
    },
    claimed: { released: 'waiting', superseded: 'skipped: b skipped' },
    sharing: {
      finished: 'done: b built',
      failed: 'failed: b failed, stop',
      interrupted: 'failed: b failed, stop',
      superseded: 'skipped: b skipped',
    },
    recording: {
      finished: 'done: b built',
      failed: 'failed: b failed, stop',
      interrupted: 'failed: b failed, stop',
      superseded: 'skipped: b skipped',
    },
    'not fetched': {},
    done: { proceed: 'done: execute c' },
    failed: { proceed: 'failed: c skipped' },
    skipped: { proceed: 'skipped: c skipped' },
  };

  assert.deepEqual(Object.keys(WAYS), Object.keys(TABLE));

  for (const [state, way] of Object.entries(WAYS)) {
    for (const [name, event] of Object.entries(EVENTS)) {
      test(`${state}: ${name}`, () => {
        const story = way();
        const before = state.split(',', 1)[0];
        assert.equal(story.stateOf('b'), before);
        story.take();
        story.tell(event);
        const effects = story.take();
        const after = `${story.stateOf('b')}${effects === '' ? '' : `: ${effects}`}`;
        assert.equal(after, TABLE[state]?.[name] ?? before);
      });
    }
  }

  test('an event of a layer that is not in the plan', () => {
    const story = new Story({ a: 'run' });
    const { schedule } = story;
    assert.equal(story.tell(finished('x')).schedule, schedule);
  });
});

describe('order', () => {
  test('the longest paths first, otherwise as planned, and no more at once than there are jobs', () => {
    const story = new Story({ a: 'run', b: 'run', c: 'run', 'd<c': 'run', 'e<d': 'run' });
    assert.equal(story.tell(PROCEED).take(), 'execute c, execute a');
    assert.equal(story.tell(finished('a'), finished('c')).take(), 'a built, c built');
    assert.equal(story.tell(PROCEED).take(), 'execute d, execute b');
  });

  test('what does not run takes no job, and what is only shared takes none any more', () => {
    const story = new Story({ a: 'run', b: 'fresh', c: 'run', d: 'run' }, { jobs: 1 });
    assert.equal(story.tell(PROCEED).take(), 'execute a, execute b');
    assert.equal(story.tell(PROCEED).take(), '');
    assert.equal(story.tell(built('a'), PROCEED).take(), 'execute c');
    assert.equal(story.states, 'a sharing, b recording, c running, d waiting');
  });

  test('a layer waits for its mounts as well', () => {
    const story = new Story({ a: 'run', b: 'run', 'c<a+b': 'run' }).tell(PROCEED, finished('a'), PROCEED);
    assert.equal(story.stateOf('c'), 'waiting');
    assert.equal(story.tell(finished('b'), PROCEED).stateOf('c'), 'running');
  });

  test('the time of a layer is that since it left `waiting`', () => {
    const { schedule } = new Story({ a: 'run' }).tell(PROCEED, PROCEED);
    const { effects } = next(schedule, finished('a'), 2500.4);
    assert.deepEqual(
      effects.map((effect) => effect.type === 'report' && effect.event.seconds),
      [2.5],
    );
  });
});

describe('failures', () => {
  const FORK = { a: 'run', 'b<a': 'run', x: 'run', 'y<x': 'run' } as const;

  test('stop everything; what was stopped is skipped because of the first', () => {
    const story = new Story(FORK).tell(PROCEED, failed('a'));
    assert.equal(story.take(), 'execute a, execute x, a failed, stop');
    assert.equal(story.tell(PROCEED).take(), 'b skipped, y skipped');
    assert.ok(isUnderWay(story.schedule) && !isOver(story.schedule));
    assert.equal(story.tell(failed('x', INTERRUPTED)).take(), 'x skipped');
    assert.ok(isOver(story.schedule));
    assert.deepEqual(story.schedule.failures, [{ layer: 'a', failure: BROKEN, skipped: ['b', 'y', 'x'] }]);
  });

  test('a second one in the meantime is a failure of its own', () => {
    const story = new Story(FORK).tell(PROCEED, failed('a'), failed('x'), PROCEED);
    assert.deepEqual(
      story.schedule.failures.map(({ layer, skipped }) => [layer, skipped]),
      [
        ['a', ['b']],
        ['x', ['y']],
      ],
    );
  });

  test('with keepGoing stop only what depends on them', () => {
    const story = new Story(FORK, { keepGoing: true }).tell(PROCEED, failed('a'), PROCEED);
    assert.equal(story.states, 'a failed, b skipped, x running, y waiting');
    story.tell(finished('x'), PROCEED, finished('y'));
    assert.ok(isOver(story.schedule));
    assert.equal(story.schedule.isStopped, false);
  });

  test('an interrupt stops everything even with keepGoing', () => {
    const story = new Story(FORK, { keepGoing: true }).tell(PROCEED, failed('a', INTERRUPTED));
    assert.equal(story.schedule.isStopped, true);
  });

  test('what is superseded is not a failure, and stops only what depends on it', () => {
    const story = new Story(FORK).tell(PROCEED, superseded('a'), finished('x'), PROCEED);
    assert.equal(story.states, 'a skipped, b skipped, x done, y running');
    assert.deepEqual(story.schedule.superseded, ['a', 'b']);
    assert.deepEqual(story.schedule.failures, []);
  });
});

describe('the shared cache', () => {
  test('what the build needs is fetched ahead, and recorded once its parent is', () => {
    const story = new Story({ a: 'shared', 'b<a': 'shared', 'c<b': 'run' });
    assert.equal(story.take(), 'fetch a, fetch b');
    assert.equal(story.tell(fetched('b', true), PROCEED).states, 'a fetching, b waiting, c waiting');
    assert.equal(story.tell(fetched('a', true)).take(), 'execute a');
    assert.equal(story.tell(finished('a', 'restored'), PROCEED).take(), 'a restored, execute b');
  });

  test('what is only mounted by layers that do not run is not fetched, and counts as done', () => {
    const story = new Story({ a: 'shared', m: 'shared', 'b<a+m': 'shared' });
    assert.equal(story.take(), 'fetch a, fetch b');
    story.tell(PROCEED, fetched('a', true), fetched('b', true), finished('a'), PROCEED);
    assert.equal(story.states, 'a done, m not fetched, b recording');
    assert.ok(isOver(story.tell(finished('b')).schedule));
  });

  test('the layers of named images are needed', () => {
    const given = { a: 'shared', m: 'shared', 'b<a+m': 'shared' } as const;
    assert.equal(new Story(given, {}, ['m']).take(), 'fetch a, fetch m, fetch b');
  });

  test('what could not be fetched is decided again, and with it what depends on it', () => {
    const story = new Story({ a: 'shared', 'b<a': 'shared' }).tell(PROCEED, fetched('b', true));
    story.take();
    story.tell(fetched('a', false), PROCEED);
    assert.equal(story.take(), 'execute a');
    assert.equal(story.states, 'a running, b waiting');
    assert.equal(story.tell(finished('a'), PROCEED).states, 'a done, b running');
    assert.deepEqual(
      story.schedule.nodes.map(({ step, isReplanned }) => [step.action.type, isReplanned]),
      [
        ['run', true],
        ['run', true],
      ],
    );
  });

  test('where a layer has to run after all, what it mounts is fetched after all', () => {
    const story = new Story({ l: 'shared', 'm<l': 'shared', a: 'fresh', 'b<a+m': 'shared' });
    assert.equal(story.take(), 'fetch b');
    story.tell(PROCEED, finished('a', 'fresh'), PROCEED);
    assert.equal(story.states, 'l not fetched, m not fetched, a done, b fetching');
    story.take();
    assert.equal(story.tell(fetched('b', false), PROCEED).take(), 'fetch l');
    assert.equal(story.states, 'l fetching, m waiting, a done, b waiting');
    story.tell(fetched('l', true), finished('l'), PROCEED);
    assert.equal(story.take(), 'execute l, l built, fetch m');
    assert.equal(
      story.tell(fetched('m', true), finished('m'), PROCEED).take(),
      'execute m, m built, execute b',
    );
  });

  test('after a failure nothing is awaited, and what did not arrive is skipped', () => {
    const story = new Story({ a: 'run', x: 'shared' }).tell(PROCEED, failed('a'), fetched('x', false));
    story.take();
    assert.equal(story.tell(PROCEED).take(), 'x skipped');
    assert.ok(isOver(story.schedule));
  });
});
