// The live line at the bottom of a terminal, on a terminal that is played: what counts is what is seen in the end.

import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import type { BuildEvent } from '../../../src/model/event.ts';
import { createStyle } from '../../../src/report/style.ts';
import { ttyReporter } from '../../../src/report/tty.ts';
import { FAILED_BUILD, FAILURE_TEXT, GOOD_END } from './golden.ts';

/** Knows just enough of ECMA-48: text, which wraps; CR, LF, erase to the end of the line, colours. */
class Screen {
  readonly columns: number;
  readonly rows: string[][] = [[]];
  #column = 0;
  /** Escape sequences and control characters that it does not know. */
  readonly strange: string[] = [];

  constructor(columns: number) {
    this.columns = columns;
  }

  write(text: string): void {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: this is how terminals are spoken to
    for (const [token] of text.matchAll(/\x1b\[[\d;?]*[A-Za-z]|\x1b.?|./gsu)) this.#take(token);
  }

  /** What is seen, without the blanks at the ends of rows. */
  get text(): string[] {
    return this.rows.map((row) => row.join('').trimEnd());
  }

  #take(token: string): void {
    const row = this.rows.at(-1) ?? [];
    if (token === '\r') this.#column = 0;
    else if (token === '\x1b[K') row.length = Math.min(row.length, this.#column);
    else if (token === '\n') this.#newRow();
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
    const row = this.rows.at(-1) ?? [];
    if (width > 0) row[this.#column] = character;
    if (width === 2) row[this.#column + 1] = '';
    this.#column += width;
  }

  #newRow(): void {
    this.rows.push([]);
    this.#column = 0;
  }
}

/** Shows events; the line is drawn again after each, as the clock would have it. */
function show(context: TestContext, columns: number, events: readonly BuildEvent[], close = true): Screen {
  context.mock.timers.enable({ apis: ['setInterval'] });
  const screen = new Screen(columns);
  const reporter = ttyReporter(screen, () => {}, createStyle(false));
  for (const event of events) {
    reporter.report(event);
    context.mock.timers.tick(100);
    context.mock.timers.tick(100);
  }
  if (close) reporter.close();
  context.mock.timers.reset();
  return screen;
}

const started = (layer = '20_app'): BuildEvent => ({ type: 'layer-started', layer });
const output = (line: string): BuildEvent => ({ type: 'output', layer: '20_app', line });

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
        '😀'.repeat(100),
        '\t'.repeat(100),
        'e\u0301'.repeat(200),
      ]) {
        const screen = show(context, columns, [started('20_a-rather-long-name'), output(line)], false);
        assert.equal(screen.rows.length, 1, JSON.stringify(line.slice(0, 4)));
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
    '\x1b[38;2;1;2;3mcolour',
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
      assert.equal(screen.rows.length, 1);
      assert.match(screen.text[0] ?? '', /^› 20_app/);
    });
  }
});

describe('the clock', () => {
  test('draws the line again, and stops when there is none', (context) => {
    context.mock.timers.enable({ apis: ['setInterval'] });
    const screen = new Screen(80);
    const written = context.mock.method(screen, 'write');
    const reporter = ttyReporter(screen, () => {}, createStyle(false));
    const draws = (ticks: number) => {
      const before = written.mock.callCount();
      for (let tick = 0; tick < ticks; tick++) context.mock.timers.tick(100);
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
});
