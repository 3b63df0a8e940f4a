// The live line at the bottom of a terminal, on a terminal that is played: what counts is what is seen in the end.

import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { BuildEvent } from '../../../../src/model/event.ts';
import { ttyReporter } from '../../../../src/report/reporters/tty.ts';
import { createStyle } from '../../../../src/report/terminal/style.ts';
import { FAILED_BUILD, FAILURE_TEXT, GOOD_END } from '../golden.ts';

/** Knows just enough of ECMA-48: text, which wraps; CR, LF, up, erase to the end of the line or screen, colors. */
class Screen {
  columns: number;
  /** Of the terminal; the screen itself keeps all lines. */
  readonly rows: number;
  readonly lines: string[][] = [[]];
  #row = 0;
  #column = 0;
  /** Escape sequences and control characters that it does not know. */
  readonly strange: string[] = [];

  constructor(columns: number, rows = 24) {
    this.columns = columns;
    this.rows = rows;
  }

  write(text: string): void {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: this is how terminals are spoken to
    for (const [token] of text.matchAll(/\x1b\[[\d;?]*[A-Za-z]|\x1b.?|./gsu)) this.#take(token);
  }

  /** What is seen, without the blanks at the ends of rows. */
  get text(): string[] {
    return this.lines.map((row) => row.join('').trimEnd());
  }

  /** Becomes narrower, and wraps what stands there, as most terminals do. The cursor is in the last row. */
  narrow(columns: number): void {
    const wrapped = this.lines.flatMap((row) => {
      const parts = [row.slice(0, columns)];
      for (let at = columns; at < row.length; at += columns) parts.push(row.slice(at, at + columns));
      return parts;
    });
    this.lines.splice(0, this.lines.length, ...wrapped);
    this.columns = columns;
    this.#row = this.lines.length - 1;
    this.#column = this.lines.at(-1)?.length ?? 0;
  }

  #take(token: string): void {
    const row = this.lines[this.#row] ?? [];
    // biome-ignore lint/suspicious/noControlCharactersInRegex: as above
    const up = /^\x1b\[(\d+)A$/.exec(token)?.[1];
    if (up !== undefined) this.#row = Math.max(0, this.#row - Number(up));
    else if (token === '\r') this.#column = 0;
    else if (token === '\x1b[K') row.length = Math.min(row.length, this.#column);
    else if (token === '\x1b[J') {
      row.length = Math.min(row.length, this.#column);
      this.lines.length = this.#row + 1;
    } else if (token === '\n') this.#newRow();
    else if (token.startsWith('\x1b[') && token.endsWith('m')) return;
    else if (/^\p{C}/u.test(token)) this.strange.push(token);
    else this.#print(token);
  }

  #print(character: string): void {
    const width = /^\p{M}$/u.test(character)
      ? 0
      : /^[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uff00-\uff60]|\p{Emoji_Presentation}$/u.test(character)
        ? 2
        : 1;
    if (this.#column + width > this.columns) this.#newRow();
    const row = this.lines[this.#row] ?? [];
    if (width > 0) row[this.#column] = character;
    if (width === 2) row[this.#column + 1] = '';
    this.#column += width;
  }

  #newRow(): void {
    this.#row++;
    this.#column = 0;
    if (this.#row === this.lines.length) this.lines.push([]);
  }
}

/** Time that goes by only when it is told to. */
function stopClock(context: TestContext): (milliseconds: number) => void {
  let now = 1000;
  context.mock.timers.enable({ apis: ['setInterval'] });
  const clock = context.mock.method(performance, 'now', () => now);
  context.after(() => clock.mock.restore());
  return (milliseconds) => {
    now += milliseconds;
    context.mock.timers.tick(milliseconds);
  };
}

/** Shows events; the lines are drawn again after each, as the clock would have it. */
function show(
  context: TestContext,
  columns: number,
  events: readonly BuildEvent[],
  close = true,
  rows = 24,
): Screen {
  context.mock.restoreAll();
  context.mock.timers.reset();
  const pass = stopClock(context);
  const screen = new Screen(columns, rows);
  const reporter = ttyReporter(screen, () => {}, createStyle(false));
  for (const event of events) {
    reporter.report(event);
    pass(100);
    pass(100);
  }
  if (close) reporter.close();
  return screen;
}

const started = (layer = '20_app'): BuildEvent => ({ type: 'layer-started', layer });
const output = (line: string, layer = '20_app'): BuildEvent => ({ type: 'output', layer, line });
const ended = (layer: string): BuildEvent => ({
  type: 'layer-finished',
  layer,
  outcome: 'built',
  seconds: 1,
});

test('a layer on a node of an engine has the name of that behind its own', (context) => {
  const begun: BuildEvent = { type: 'layer-started', layer: '20_app', node: 'node3' };
  assert.match(
    show(context, 60, [begun, output('hello')], false).text[0] ?? '',
    /^› 20_app on node3 {2}[\d.]+ s {2}hello$/,
  );
});

test('a build that fails: what ended stays, the live line is gone', (context) => {
  assert.deepEqual(show(context, 120, FAILED_BUILD).text, [
    'note: the record x is damaged',
    'restored 20_app  192 KiB',
    'built    30_more  1.50 s, 1.4 GiB',
    'failed   40_web  12.3 s',
    'skipped  50_end',
    ...FAILURE_TEXT,
    '  skipped: 50_end',
    '1 built, 1 restored, 1 fresh, 1 failed, 1 skipped in 1 min 15 s',
    '',
  ]);
});

describe('the live line', () => {
  const live = (context: TestContext, columns: number, ...events: BuildEvent[]) =>
    show(context, columns, [started(), ...events], false).text;

  test('names the step that runs, before what it prints', (context) => {
    const step: BuildEvent = {
      type: 'layer-step',
      layer: '20_app',
      index: 3,
      count: 9,
      title: 'install nginx',
    };
    const [line = ''] = live(context, 80, step, output('Reading'));
    assert.match(line, /^› 20_app {2}3\/9 install nginx {2}\d\.\d\d s {2}Reading$/);
  });

  test('names the layer, its time, and the last thing it said', (context) => {
    const [line = '', ...more] = live(context, 80, output('first'), output('last'));
    assert.match(line, /^› 20_app {2}\d\.\d\d s {2}last$/);
    assert.deepEqual(more, []);
  });

  test('does not lose what was said to an empty line', (context) => {
    assert.match(live(context, 80, output('said'), output(''), output('  '))[0] ?? '', /said$/);
  });

  test('shows how far a download is', (context) => {
    const progress: BuildEvent = { type: 'progress', layer: '20_app', bytes: 2048 };
    assert.match(live(context, 80, progress)[0] ?? '', /2\.0 KiB$/);
    assert.match(live(context, 80, { ...progress, total: 4096 })[0] ?? '', /2\.0 KiB of 4\.0 KiB$/);
  });

  test('goes below a note', (context) => {
    const lines = live(context, 80, output('said'), { type: 'note', message: 'look' });
    assert.equal(lines[0], 'note: look');
    assert.match(lines[1] ?? '', /20_app.*said$/);
    assert.equal(lines.length, 2);
  });

  test('begins anew with the next layer', (context) => {
    const end: BuildEvent = { type: 'layer-finished', layer: '20_app', outcome: 'built', seconds: 1 };
    const lines = live(context, 80, output('said'), end, started('30_more'));
    assert.deepEqual(lines[0], 'built    20_app  1.00 s');
    assert.match(lines[1] ?? '', /^› 30_more {2}\d\.\d\d s$/);
  });

  for (const columns of [200, 80, 40, 24, 16, 10, 5, 1]) {
    test(`is one line on ${columns} columns, whatever comes`, (context) => {
      for (const line of [
        'x'.repeat(500),
        '漢字'.repeat(100),
        'ㄱ《〈'.repeat(100),
        '❤\ufe0f'.repeat(100),
        '\u202eturned\u2028'.repeat(30),
        '😀'.repeat(100),
        '\t'.repeat(100),
        'e\u0301'.repeat(200),
      ]) {
        const screen = show(context, columns, [started('20_a-rather-long-name'), output(line)], false);
        assert.equal(screen.lines.length, 1, JSON.stringify(line.slice(0, 4)));
        assert.deepEqual(screen.strange, []);
      }
    });
  }

  test('leaves nothing behind on a narrow terminal', (context) => {
    for (const columns of [80, 20, 8]) {
      const screen = show(context, columns, [started('20_a-rather-long-name'), output('漢字'.repeat(100))]);
      assert.deepEqual(screen.text, [''], `${columns} columns`);
    }
  });

  for (const line of [
    '\x1b[2J\x1b[Hcleared',
    '\x1b[31mred\x1b[0m',
    '\x1b[38;2;1;2;3mcolor',
    '\x1b]0;title\x07after',
    '\x1b]8;;http://example.org\x1b\\link',
    '\x1b[1;1Hmoved\x1bM\x1b7\x1b8\x1bc',
    'bell\x07, backspace\b, tab\t, vertical\v, form\f, delete\x7f, null\0',
    'a carriage\rreturn',
    'unfinished \x1b[',
    'unfinished \x1b',
    'eight bits: \x9b2J \x9d0;title\x9c \x85next',
  ]) {
    test(`shows text alone of ${JSON.stringify(line)}`, (context) => {
      const screen = show(context, 60, [started(), output(line)], false);
      assert.deepEqual(screen.strange, []);
      assert.equal(screen.lines.length, 1);
      assert.match(screen.text[0] ?? '', /^› 20_app/);
    });
  }
});

describe('the clock', () => {
  test('draws the line again, and stops when there is none', (context) => {
    const pass = stopClock(context);
    const screen = new Screen(80);
    const written = context.mock.method(screen, 'write');
    const reporter = ttyReporter(screen, () => {}, createStyle(false));
    const draws = (ticks: number) => {
      const before = written.mock.callCount();
      for (let tick = 0; tick < ticks; tick++) pass(100);
      return written.mock.callCount() - before;
    };
    assert.equal(draws(3), 0);
    reporter.report(started());
    assert.ok(draws(3) >= 3);
    reporter.report(GOOD_END);
    assert.equal(draws(3), 0);
    reporter.report(started());
    reporter.close();
    reporter.close();
    assert.equal(draws(3), 0);
    assert.equal(screen.text.at(-1), '');
  });

  test('draws at most ten frames a second, each in one write, whatever is told', (context) => {
    const pass = stopClock(context);
    const screen = new Screen(80);
    const written = context.mock.method(screen, 'write');
    const reporter = ttyReporter(screen, () => {}, createStyle(false));
    for (let millisecond = 0; millisecond < 1000; millisecond++) {
      if (millisecond % 100 === 0) reporter.report(started(`${millisecond}_x`));
      reporter.report(output(`line ${millisecond}`, '0_x'));
      if (millisecond % 10 === 0) reporter.report({ type: 'note', message: `note ${millisecond}` });
      pass(1);
    }
    const frames = written.mock.callCount();
    assert.ok(frames >= 8 && frames <= 11, `${frames} frames`);
    reporter.close();
    assert.equal(screen.text.filter((line) => line.startsWith('note: ')).length, 100, 'nothing is lost');
    assert.equal(screen.text.at(-1), '');
    assert.equal(written.mock.callCount(), frames + 1);
  });

  test('writes nothing when nothing changed', (context) => {
    const pass = stopClock(context);
    const screen = new Screen(80);
    const written = context.mock.method(screen, 'write');
    const reporter = ttyReporter(screen, () => {}, createStyle(false));
    reporter.report(started());
    pass(120_000);
    const before = written.mock.callCount();
    for (let tick = 0; tick < 9; tick++) pass(100);
    assert.ok(written.mock.callCount() - before <= 1);
    reporter.close();
  });
});

describe('several layers', () => {
  const names = ['20_a', '30_b', '40_c', '50_d', '60_e'];
  const all = [...names.map((name) => started(name)), ...names.map((name) => output(`of ${name}`, name))];
  const seen = (context: TestContext, rows: number, events: readonly BuildEvent[] = all) =>
    show(context, 60, events, false, rows).text.map((line) => line.replace(/\d+\.\d+ s/, 'T'));

  test('have a line each, in the order in which they began', (context) => {
    assert.deepEqual(
      seen(context, 24),
      names.map((name) => `› ${name}  T  of ${name}`),
    );
  });

  test('that are more than the terminal has rows for are counted', (context) => {
    assert.deepEqual(seen(context, 4), ['› 20_a  T  of 20_a', '› 30_b  T  of 30_b', '  +3 more']);
    assert.deepEqual(seen(context, 5).slice(2), ['› 40_c  T  of 40_c', '  +2 more']);
    assert.equal(seen(context, 6).length, 5);
    assert.deepEqual(seen(context, 2), ['› 20_a  T (+4)  of 20_a']);
  });

  test('go one after the other; what is printed stays above those that are left', (context) => {
    const events = [...all, ended('30_b'), ended('20_a'), started('70_f')];
    assert.deepEqual(seen(context, 24, events), [
      'built    30_b  T',
      'built    20_a  T',
      '› 40_c  T  of 40_c',
      '› 50_d  T  of 50_d',
      '› 60_e  T  of 60_e',
      '› 70_f  T',
    ]);
    assert.deepEqual(
      seen(context, 24, [...events, ...['40_c', '50_d', '60_e', '70_f'].map(ended)]).slice(2),
      ['built    40_c  T', 'built    50_d  T', 'built    60_e  T', 'built    70_f  T', ''],
    );
  });

  test('are one line each also when the terminal becomes narrower, and wider again', (context) => {
    const pass = stopClock(context);
    const screen = new Screen(60);
    const reporter = ttyReporter(screen, () => {}, createStyle(false));
    reporter.report({ type: 'note', message: 'a' });
    for (const event of all) reporter.report(event);
    for (const name of names) reporter.report(output('x'.repeat(200), name));
    pass(100);
    for (const columns of [30, 12, 25, 7]) {
      screen.narrow(columns);
      pass(100);
      assert.equal(screen.lines.length, 1 + names.length, `${columns} columns: ${screen.text.join('\n')}`);
      screen.columns = 60;
      pass(100);
      assert.equal(screen.lines.length, 1 + names.length);
      assert.equal(screen.text[0], 'note: a');
    }
    reporter.close();
    assert.deepEqual(screen.text, ['note: a', '']);
  });
});
