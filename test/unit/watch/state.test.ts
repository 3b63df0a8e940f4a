// The machine of `vlb watch`: its steps, and in every state that can be reached what has to be true.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { BEGINNING, type Effect, next, type State, type WatchEvent } from '../../../src/watch/state.ts';

const EVENTS: readonly WatchEvent[] = [
  { type: 'change' },
  { type: 'quiet' },
  { type: 'scanned', changed: true },
  { type: 'scanned', changed: false },
  { type: 'built', outcome: 'ok' },
  { type: 'built', outcome: 'failed' },
  { type: 'built', outcome: 'unchanged' },
  { type: 'followed up' },
  { type: 'retry' },
  { type: 'quit' },
];

/** Everything that can come of the beginning, with each step there. */
const reachable = (() => {
  const states = new Map<string, State>();
  const waiting = [BEGINNING.state];
  for (let state = waiting.pop(); state; state = waiting.pop()) {
    const id = JSON.stringify(state);
    if (states.has(id)) continue;
    states.set(id, state);
    for (const event of EVENTS) waiting.push(next(state, event).state);
  }
  return [...states.values()];
})();

const steps = reachable.flatMap((state) => EVENTS.map((event) => ({ state, event, ...step(state, event) })));

function step(from: State, event: WatchEvent) {
  const { state, effects } = next(from, event);
  return { to: state, effects };
}

function told({ state, event, to, effects }: (typeof steps)[number]): string {
  return JSON.stringify({ state, event, to, effects });
}

/** Goes through events from the beginning; gives the effects of each. */
function story(...events: readonly WatchEvent[]): (readonly Effect[])[] {
  let { state } = BEGINNING;
  return events.map((event) => {
    const taken = next(state, event);
    state = taken.state;
    return taken.effects;
  });
}

const CHANGE: WatchEvent = { type: 'change' };
const QUIET: WatchEvent = { type: 'quiet' };
const RETRY: WatchEvent = { type: 'retry' };
const QUIT: WatchEvent = { type: 'quit' };
const FOLLOWED_UP: WatchEvent = { type: 'followed up' };
const scanned = (changed: boolean): WatchEvent => ({ type: 'scanned', changed });
const built = (outcome: 'ok' | 'failed' | 'unchanged'): WatchEvent => ({ type: 'built', outcome });

describe('in every state, whatever happens', () => {
  const starts: readonly Effect[] = ['build', 'retry', 'follow up'];

  test('there are states to look at', () => assert.ok(reachable.length > 20));

  test('one thing at a time is under way', () => {
    for (const one of steps) {
      const begun = one.effects.filter((effect) => starts.includes(effect));
      assert.ok(begun.length <= 1, told(one));
      if (begun.length === 0) continue;
      const ended = ['built', 'followed up'].includes(one.event.type);
      assert.ok(one.state.doing === 'nothing' || ended, told(one));
      assert.equal(one.to.doing, begun[0] === 'follow up' ? 'following up' : 'building', told(one));
    }
  });

  test('something is under way only when it was begun', () => {
    for (const one of steps) {
      if (one.to.doing === one.state.doing || one.to.doing === 'nothing') continue;
      assert.ok(
        one.effects.some((effect) => starts.includes(effect)),
        told(one),
      );
    }
  });

  test('a change leads to a wait for quiet, and quiet to a scan or a build', () => {
    for (const one of steps) {
      if (one.state.quitting) continue;
      if (one.event.type === 'change') {
        assert.ok(one.effects.includes('await quiet'), told(one));
        assert.equal(one.to.files, 'changing', told(one));
      }
      if (one.event.type === 'quiet' && one.state.files === 'changing') {
        assert.deepEqual(one.effects, [
          one.state.doing === 'nothing' ? (one.state.again === 'retry' ? 'retry' : 'build') : 'scan',
        ]);
      }
    }
  });

  test('nothing is left to be done while nothing is under way and the files keep still', () => {
    for (const state of reachable) {
      if (state.doing !== 'nothing' || state.files !== 'known' || state.quitting) continue;
      assert.deepEqual([state.again, state.due], ['no', 'nothing'], JSON.stringify(state));
    }
  });

  test('what has to be built again is forgotten only by a build', () => {
    for (const one of steps) {
      if (one.state.again === 'no' || one.to.again !== 'no' || one.state.quitting) continue;
      assert.ok(one.effects.includes('build') || one.effects.includes('retry'), told(one));
      assert.equal(
        one.effects.includes('retry'),
        one.state.again === 'retry' || one.event.type === 'retry',
        told(one),
      );
    }
  });

  test('an image that is known to be out of date, or may be, is not followed up', () => {
    for (const one of steps) {
      if (!one.effects.includes('follow up')) continue;
      assert.deepEqual([one.state.files, one.state.again], ['known', 'no'], told(one));
    }
  });

  test('scripts that were kept waiting are let go, or superseded', () => {
    // As the performer has it: paused by a change while building, until the scan's verdict or the end of the build.
    for (const one of steps) {
      if (one.state.doing !== 'building' || one.to.doing !== 'building' || one.state.quitting) continue;
      if (one.state.files === 'known' || one.to.files !== 'known') continue;
      if (one.effects.includes('build') || one.effects.includes('retry')) continue;
      assert.ok(one.effects.includes('resume') || one.effects.includes('supersede'), told(one));
    }
  });

  test('once it is to end, what is under way is stopped, and it ends once', () => {
    for (const one of steps) {
      if (one.event.type === 'quit' && !one.state.quitting) {
        assert.deepEqual(one.effects, [one.state.doing === 'nothing' ? 'end' : 'stop'], told(one));
      }
      if (!one.state.quitting) continue;
      assert.ok(one.to.quitting, told(one));
      const ended = one.state.doing !== 'nothing' && one.to.doing === 'nothing';
      assert.deepEqual(one.effects, ended ? ['end'] : [], told(one));
    }
  });

  test('what comes too late, or twice, leads to nothing', () => {
    for (const one of steps) {
      const late =
        (one.event.type === 'built' && one.state.doing !== 'building') ||
        (one.event.type === 'followed up' && one.state.doing !== 'following up') ||
        (one.event.type === 'scanned' && one.state.files !== 'scanning') ||
        (one.event.type === 'quiet' && one.state.files !== 'changing');
      if (!late || one.state.quitting) continue;
      assert.deepEqual([one.to, one.effects], [one.state, []], told(one));
    }
  });

  test('there is a way back to waiting', () => {
    for (const from of reachable.filter((state) => !state.quitting)) {
      let state = from;
      for (const event of [
        QUIET,
        scanned(false),
        built('ok'),
        QUIET,
        built('ok'),
        FOLLOWED_UP,
        built('ok'),
        FOLLOWED_UP,
      ]) {
        state = next(state, event).state;
      }
      assert.deepEqual(
        state,
        { doing: 'nothing', files: 'known', again: 'no', due: 'nothing', quitting: false },
        JSON.stringify(from),
      );
    }
  });
});

describe('stories', () => {
  test('it builds, follows up and waits; a change builds again', () => {
    assert.deepEqual(story(built('ok'), FOLLOWED_UP, CHANGE, CHANGE, QUIET, built('failed')), [
      ['follow up'],
      ['report waiting'],
      ['await quiet'],
      ['await quiet'],
      ['build'],
      ['report waiting'],
    ]);
  });

  test('a change of nothing is not told', () => {
    assert.deepEqual(story(built('failed'), CHANGE, QUIET, built('unchanged')).at(-1), []);
  });

  test('a change while it builds: the scan decides', () => {
    assert.deepEqual(story(CHANGE, QUIET, scanned(false), built('ok')), [
      ['pause', 'await quiet'],
      ['scan'],
      ['resume'],
      ['follow up'],
    ]);
    assert.deepEqual(story(CHANGE, QUIET, scanned(true), built('failed')).slice(2), [
      ['supersede'],
      ['build'],
    ]);
  });

  test('a change while it scans: only the next scan counts', () => {
    assert.deepEqual(story(CHANGE, QUIET, CHANGE, scanned(true), QUIET, scanned(false)).slice(2), [
      ['pause', 'await quiet'],
      [],
      ['scan'],
      ['resume'],
    ]);
  });

  test('what was put off by a change of nothing comes after it', () => {
    assert.deepEqual(story(CHANGE, built('ok'), QUIET, built('unchanged')).slice(1), [
      [],
      ['build'],
      ['follow up'],
    ]);
    assert.deepEqual(story(CHANGE, built('failed'), QUIET, built('unchanged')).at(-1), ['report waiting']);
    assert.deepEqual(story(built('ok'), CHANGE, FOLLOWED_UP, QUIET, built('unchanged')).at(-1), [
      'report waiting',
    ]);
  });

  test('a change stops what follows, which comes again also when it was taken back', () => {
    assert.deepEqual(
      story(built('ok'), CHANGE, QUIET, scanned(true), FOLLOWED_UP, built('unchanged')).slice(3),
      [['stop'], ['build'], ['follow up']],
    );
  });

  test('a retry: at once, after the build, and instead of what follows', () => {
    assert.deepEqual(story(built('failed'), RETRY).at(-1), ['retry']);
    assert.deepEqual(story(RETRY, RETRY, built('ok')), [[], [], ['retry']]);
    assert.deepEqual(story(built('ok'), RETRY, FOLLOWED_UP).slice(1), [['stop'], ['retry']]);
    assert.deepEqual(story(built('failed'), CHANGE, RETRY, QUIET).slice(2), [[], ['retry']]);
  });

  test('the end', () => {
    assert.deepEqual(story(built('failed'), QUIT), [['report waiting'], ['end']]);
    assert.deepEqual(story(QUIT, CHANGE, QUIT, built('failed')), [['stop'], [], [], ['end']]);
    assert.deepEqual(story(built('ok'), QUIT, FOLLOWED_UP).slice(1), [['stop'], ['end']]);
  });
});
