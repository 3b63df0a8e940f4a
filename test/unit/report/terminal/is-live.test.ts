// Where progress is live, and where it is plain lines.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isLive } from '../../../../src/report/terminal/is-live.ts';

test('progress is live on a terminal that can move its cursor, and not in CI', () => {
  const terminal = { isTTY: true };
  for (const env of [{}, { TERM: 'xterm' }, { CI: '' }, { CI: 'false' }, { CI: '0' }]) {
    assert.equal(isLive(terminal, env), true, JSON.stringify(env));
    assert.equal(isLive({}, env), false, 'a pipe');
    assert.equal(isLive({ isTTY: false }, env), false);
  }
  for (const env of [{ TERM: 'dumb' }, { CI: 'true' }, { CI: '1' }, { CI: 'woodpecker' }]) {
    assert.equal(isLive(terminal, env), false, JSON.stringify(env));
  }
});
