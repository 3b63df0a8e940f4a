// What the reporters for logs, for programs and for the silent print.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import type { BuildEvent } from '../../../../src/model/event.ts';
import { jsonReporter } from '../../../../src/report/reporters/json.ts';
import { plainReporter } from '../../../../src/report/reporters/plain.ts';
import { quietReporter } from '../../../../src/report/reporters/quiet.ts';
import type { Reporter, Write } from '../../../../src/report/reporters/reporter.ts';
import { createStyle } from '../../../../src/report/terminal/style.ts';
import { failureText } from '../../../../src/report/text/failure.ts';
import { FAILED_BUILD, FAILURE, FAILURE_TEXT, GOOD_END } from '../golden.ts';

const PLAIN = createStyle(false);

/** The lines that a reporter prints for these events. */
function printed(create: (write: Write) => Reporter, events: readonly BuildEvent[]): string[] {
  const lines: string[] = [];
  const reporter = create((text) => lines.push(...text.split('\n')));
  for (const event of events) reporter.report(event);
  reporter.close();
  return lines;
}

describe('plain', () => {
  const plain = (events: readonly BuildEvent[]) => {
    const results: string[] = [];
    const told = printed((write) => plainReporter(write, (text) => results.push(text), PLAIN), events);
    return [...told, ...results.map((text) => `on stdout: ${text}`)];
  };

  test('a build that fails', () => {
    assert.deepEqual(plain(FAILED_BUILD), [
      'note: the record x is damaged',
      'restored 20_app  192 KiB',
      'building 30_more',
      '30_more | hello',
      '30_more | ',
      'built    30_more  1.50 s, 1.4 GiB',
      'building 40_web',
      'failed   40_web  12.3 s',
      'skipped  50_end',
      ...FAILURE_TEXT,
      '  skipped: 50_end',
      '1 built, 1 restored, 1 fresh, 1 failed, 1 skipped in 1 min 15 s',
    ]);
  });

  test('a layer on a node of an engine', () => {
    assert.deepEqual(plain([{ type: 'layer-started', layer: '10_a', node: 'node3\x1b[2J' }]), [
      'building 10_a on node3',
    ]);
  });

  test('what a script prints neither moves the cursor nor paints', () => {
    const line = 'a\tb\x1b[2J\x1b]0;title\x07\0\x9b31m c\u202e';
    assert.deepEqual(plain([{ type: 'output', layer: '10_a', line }]), ['10_a | a\tb31m c']);
  });

  test('checks of images', () => {
    const check = { image: 'web', check: 'is-active\tnginx\x1b[2J' };
    assert.deepEqual(
      plain([
        { type: 'check-started', ...check },
        { type: 'check-output', image: 'web', line: 'web login: \x1b[2J' },
        { type: 'check-finished', ...check, outcome: 'passed', seconds: 1.5 },
        { type: 'check-finished', ...check, outcome: 'failed', seconds: 0.5, failure: FAILURE },
      ]),
      [
        'checking web: is-active nginx',
        'web | web login: ',
        'passed   web: is-active nginx  1.50 s',
        'failed   web: is-active nginx  0.50 s',
      ],
    );
  });

  test('nor does what a server says', () => {
    const message = 'the shared cache cannot be read: 403 \x1b[2Jno\r\nnote: all is well';
    const [line] = plain([{ type: 'note', message }]);
    assert.equal(line, 'note: the shared cache cannot be read: 403 nonote: all is well');
  });

  test('a build that ends well names its image', () => {
    assert.deepEqual(plain([GOOD_END]), [
      '1 built, 0 restored, 2 fresh in 0.25 s',
      'on stdout: image: build/image.qcow2',
    ]);
  });

  test('several failures are told one after the other, each with what it cost; named images come before the main one', () => {
    const other = { kind: 'work', message: 'layer 60_other: no' } as const;
    const end = FAILED_BUILD.at(-1);
    assert.ok(end?.type === 'finished');
    const failures = [...end.failures, { layer: '60_other', failure: other, skipped: ['70_a', '80_b'] }];
    assert.deepEqual(plain([{ ...end, failures }]), [
      ...FAILURE_TEXT,
      '  skipped: 50_end',
      'error: layer 60_other: no',
      '  skipped: 70_a, 80_b',
      '1 built, 1 restored, 1 fresh, 1 failed, 1 skipped in 1 min 15 s',
    ]);
    const images = [{ file: 'build/web.qcow2', bytes: 2048 }];
    assert.deepEqual(
      plain([{ ...GOOD_END, images }])
        .at(-1)
        ?.split('\n'),
      ['on stdout: image: build/web.qcow2  2.0 KiB', 'image: build/image.qcow2'],
    );
  });

  test('a watch: what it waits for, what changed, and a build that it left', () => {
    const watching = { type: 'watching', at: new Date(2026, 0, 2, 3, 4, 5).toISOString() } as const;
    const waiting = { ...watching, state: 'waiting', places: ['layers', 'vlb.yaml'] } as const;
    const { image: _image, ...end } = GOOD_END;
    assert.deepEqual(
      plain([
        { ...waiting, failed: [], keys: false },
        { ...waiting, failed: ['20_app'], keys: true },
        { ...watching, state: 'changed', layers: ['20_app', '30_data'] },
        { ...end, ok: false, superseded: ['20_app', '30_data'] },
      ]),
      [
        '03:04:05 watching layers, vlb.yaml',
        '03:04:05 watching layers, vlb.yaml (20_app failed; it is retried when its inputs change); r builds now, q quits',
        '03:04:05 changed: 20_app, 30_data',
        'changed during the build, planned again: 20_app, 30_data',
      ],
    );
  });

  test('a download is told now and then, not each second', (context) => {
    const progress = (bytes: number): BuildEvent => ({ type: 'progress', layer: 'base', bytes, total: 4096 });
    let now = 0;
    context.mock.method(performance, 'now', () => now);
    const lines: string[] = [];
    const reporter = plainReporter(
      (text) => lines.push(text),
      () => {},
      PLAIN,
    );
    for (let second = 1; second <= 25; second++) {
      now = second * 1000;
      reporter.report(progress(second * 100));
    }
    assert.deepEqual(lines, ['base | 1000 B of 4.0 KiB', 'base | 2.0 KiB of 4.0 KiB']);
  });

  test('colors change nothing but colors', () => {
    const colored = printed((write) => plainReporter(write, write, createStyle(true)), FAILED_BUILD);
    assert.ok(colored.some((line) => line.includes('\x1b[')));
    assert.deepEqual(
      colored.map((line) => stripVTControlCharacters(line)),
      plain(FAILED_BUILD),
    );
  });
});

describe('quiet', () => {
  const quiet = (events: readonly BuildEvent[]) => printed((write) => quietReporter(write, PLAIN), events);

  test('tells a failure, once, and nothing else', () =>
    assert.deepEqual(quiet(FAILED_BUILD), [...FAILURE_TEXT, '  skipped: 50_end']));
  test('says nothing of a build that was left for another', () =>
    assert.deepEqual(quiet([{ ...GOOD_END, ok: false, superseded: ['20_app'] }]), []));
  test('says nothing of what ends well', () =>
    assert.deepEqual(quiet([...FAILED_BUILD.slice(0, -1), GOOD_END]), []));
});

describe('json', () => {
  const json = (events: readonly BuildEvent[]) => printed(jsonReporter, events);

  test('every event is one line, and can be read back', () => {
    const lines = json(FAILED_BUILD);
    assert.deepEqual(
      lines.map((line) => JSON.parse(line)),
      FAILED_BUILD.map((event) => ({ ...event, version: 1 })),
    );
  });

  test('whatever a script prints stays in its line', () => {
    const line = 'a\u2028b\x1b[2J\n"\\';
    const [text = '', ...more] = json([{ type: 'output', layer: '10_a', line }]);
    assert.deepEqual(more, []);
    assert.equal(JSON.parse(text).line, line);
  });

  test('a build that could not begin ends all the same', () => {
    const lines: string[] = [];
    jsonReporter((text) => lines.push(text)).buildNotStarted({ kind: 'usage', message: 'no' });
    assert.deepEqual(lines, [
      '{"type":"finished","ok":false,"counts":{"fresh":0,"restored":0,"built":0,"failed":0,"skipped":0},"seconds":0,"failure":{"kind":"usage","message":"no"},"failures":[],"version":1}',
    ]);
  });

  test('the shape that programs rely on', () => {
    assert.deepEqual(json([GOOD_END, { type: 'layer-started', layer: '10_a' }]), [
      '{"type":"finished","ok":true,"counts":{"fresh":2,"restored":0,"built":1,"failed":0,"skipped":0},"seconds":0.25,"image":"build/image.qcow2","failures":[],"version":1}',
      '{"type":"layer-started","layer":"10_a","version":1}',
    ]);
  });
});

describe('failureText', () => {
  const text = (directory?: string) => failureText(FAILURE, PLAIN, directory).split('\n');

  test('everything there is', () => assert.deepEqual(text(), FAILURE_TEXT));

  test('the least there can be', () => {
    assert.equal(failureText({ kind: 'usage', message: 'no' }, PLAIN), 'error: no');
    const where = { file: '/p/vlb.yaml' };
    assert.equal(
      failureText({ kind: 'usage', message: 'no', where }, PLAIN, '/p'),
      'error: no\n  at vlb.yaml',
    );
  });

  test('paths elsewhere are whole, also those that only begin alike', () => {
    const elsewhere = `${process.cwd()}/layers/40`;
    assert.ok(text(elsewhere).includes(`  at ${process.cwd()}/layers/40_web/build-layer:7`));
  });

  test('what a script printed cannot repaint the terminal or forge a line', () => {
    const detail = ['\x1b[2J\x1b[Hgone', 'a\rerror: forged', '\x1b]0;title\x07b'];
    const where = { file: '/a/\x1b[2Jb\nerror: forged' };
    const shown = failureText({ kind: 'work', message: 'no', detail, where }, PLAIN);
    assert.equal(shown.split('\n').length, 5);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be there
    assert.doesNotMatch(shown, /[\x00-\x09\x0b-\x1f\x7f]/);
    assert.match(shown, /gone/);
  });
});
