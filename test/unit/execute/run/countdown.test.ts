// The time of a script's timeout, with a clock and timers of the test.

import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import { countdown } from '../../../../src/execute/run/countdown.ts';

/** Counts down, while vlb does not run from one second to another. Returns the second of the end, or undefined. */
function endOf(seconds: number, stopped: readonly [from: number, to: number] | undefined, until: number) {
  let now = 0;
  let end: number | undefined;
  const clock = mock.method(performance, 'now', () => now);
  mock.timers.enable({ apis: ['setTimeout'] });
  try {
    const timer = countdown(seconds * 1000, () => {
      end = now / 1000;
    });
    while (now < until * 1000 && end === undefined) {
      now = stopped && now === stopped[0] * 1000 ? stopped[1] * 1000 : now + 100;
      mock.timers.tick(100);
    }
    timer[Symbol.dispose]();
    return end;
  } finally {
    mock.timers.reset();
    clock.mock.restore();
  }
}

test('it ends after its time', () => {
  assert.equal(endOf(5, undefined, 60), 5);
  assert.equal(endOf(0.3, undefined, 60), 0.3);
});

test('the time for which vlb was stopped does not count, not even at its end', () => {
  assert.ok((endOf(5, [2, 40], 60) ?? 0) >= 42.9);
  assert.ok((endOf(5, [4.9, 40], 60) ?? 0) > 40);
});

test('once disposed of, it does not end', () => {
  let ended = false;
  countdown(1, () => {
    ended = true;
  })[Symbol.dispose]();
  assert.equal(ended, false);
});
