// Whether there are colors.

import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { createReporter } from '../../../../src/report/reporters/create-reporter.ts';
import { createStyle, wantsColor } from '../../../../src/report/terminal/style.ts';

const TERMINAL = { isTTY: true };

/** Sets variables for the time of a test; undefined removes one. */
function environment(context: TestContext, variables: Readonly<Record<string, string | undefined>>): void {
  const before = { ...process.env };
  const set = (values: Readonly<Record<string, string | undefined>>) => {
    for (const name of Object.keys(variables)) {
      if (values[name] === undefined) delete process.env[name];
      else process.env[name] = values[name];
    }
  };
  set(variables);
  context.after(() => set(before));
}

const PLAIN = { NO_COLOR: undefined, FORCE_COLOR: undefined, TERM: 'xterm' };

test('a terminal has them, a pipe has not', (context) => {
  environment(context, PLAIN);
  assert.equal(wantsColor(undefined, TERMINAL), true);
  assert.equal(wantsColor(undefined, {}), false);
  assert.equal(wantsColor(undefined, { isTTY: false }), false);
});

for (const [what, variables, terminal, pipe] of [
  ['NO_COLOR', { NO_COLOR: '1' }, false, false],
  ['an empty NO_COLOR, which says nothing', { NO_COLOR: '' }, true, false],
  ['FORCE_COLOR', { FORCE_COLOR: '1' }, true, true],
  ['FORCE_COLOR=0', { FORCE_COLOR: '0' }, false, false],
  ['NO_COLOR before FORCE_COLOR', { NO_COLOR: '1', FORCE_COLOR: '1' }, false, false],
  ['a dumb terminal', { TERM: 'dumb' }, false, false],
] as const) {
  test(what, (context) => {
    environment(context, { ...PLAIN, ...variables });
    assert.equal(wantsColor(undefined, TERMINAL), terminal);
    assert.equal(wantsColor(undefined, {}), pipe);
    assert.equal(wantsColor(true, {}), true, 'the option goes before everything');
    assert.equal(wantsColor(false, TERMINAL), false, 'the option goes before everything');
  });
}

test('a style paints, or leaves everything as it is', () => {
  assert.equal(createStyle(true).red('x'), '\x1b[31mx\x1b[39m');
  for (const paint of Object.values(createStyle(false))) assert.equal(paint('x'), 'x');
  assert.notEqual(createStyle(true).bold('x'), 'x');
});

test('a reporter that nobody shows anything leaves no trace', () => {
  for (const progress of ['auto', 'tty', 'plain', 'quiet', 'json'] as const)
    createReporter(progress, false).close();
});
