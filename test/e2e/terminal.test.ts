// Builds in a real terminal: what is seen while layers run side by side, when one fails, when the terminal is narrow or
// changes its size, and where nothing may be live.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { leftovers } from '../rig/host-state.ts';
import { TestProject, VLB } from '../rig/project.ts';
import { Screen } from '../rig/screen.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

const BASE = { 'layers/10_base/modify-disk': tinyDisk() };

/** A layer beside the others that says something, and runs long enough to be looked at. */
const slow = (text: string) => buildLayer(`echo begun; echo '${text}'; sleep 4`, '# vlb: from 10_base');

/** Times and sizes differ from one run to the next. */
function still(text: string): string {
  return text.replace(/\d+\.\d+ s/g, 'T').replace(/\d+(\.\d)? [KM]iB/g, 'SIZE');
}

describe('a parallel build', () => {
  const project = new TestProject({
    ...BASE,
    'layers/20_one/build-layer': slow('one says a line that is longer than a narrow terminal'),
    'layers/30_two/build-layer': slow('二つ目の層は広い文字で長い行を書きます。終わり'),
    'layers/40_three/build-layer': slow('three'),
  });
  before(async () => {
    const base = await project.build(['10_base']);
    assert.equal(base.status, 0, base.told);
  });
  after(async () => {
    assert.deepEqual(leftovers(project), []);
    await project[Symbol.asyncDispose]();
  });

  test('has a line for each layer that runs, and leaves a line for each that ended', async () => {
    using screen = new Screen(`${VLB} build -j 3`, { columns: 100, rows: 20, cwd: project.directory });
    const running = await screen.waitFor(/iB {2}one says[\s\S]*iB.*終わり[\s\S]*40_three.*iB {2}three/);
    assert.equal(
      still(running),
      [
        '› 20_one  T  SIZE  one says a line that is longer than a narrow terminal',
        '› 30_two  T  SIZE  二つ目の層は広い文字で長い行を書きます。終わり',
        '› 40_three  T  SIZE  three',
      ].join('\n'),
    );
    const end = await screen.waitFor(/^image: /m);
    assert.deepEqual(still(end).split('\n').sort(), [
      '3 built, 0 restored, 1 fresh in T',
      'built    20_one  T, SIZE',
      'built    30_two  T, SIZE',
      'built    40_three  T, SIZE',
      'image: build/image.qcow2  SIZE',
    ]);
  });

  test('is cut where the terminal ends, becomes narrower and wider with it, and counts what has no room', async () => {
    using screen = new Screen(`${VLB} build -j 3 --force`, { columns: 40, rows: 12, cwd: project.directory });
    const narrow = await screen.waitFor(
      /20_one.*iB {2}one says[\s\S]*30_two.*iB {2}二[\s\S]*40_three.*iB {2}three/,
    );
    const lines = narrow.split('\n').filter((line) => line.startsWith('›'));
    assert.equal(lines.length, 3, narrow);
    assert.match(still(lines[0] ?? ''), /^› 20_one {2}T {2}SIZE {2}one says/);
    assert.match(still(lines[1] ?? ''), /^› 30_two {2}T {2}SIZE {2}二つ目/);
    screen.resize(24, 12);
    const narrower = await screen.waitFor(/^› 20_one {2}\S+ s {2}\S*\s?\w*\n› 30_two/m);
    assert.equal(narrower.match(/^›/gm)?.length, 3, narrower);
    screen.resize(90, 3);
    const low = await screen.waitFor(/\+2 more/);
    assert.match(low, /› 20_one {2}.*one says a line that is longer than a narrow terminal\n {2}\+2 more$/);
    screen.resize(90, 20);
    const end = await screen.waitFor(/^image: /m);
    // A terminal that becomes higher may bring back what has gone off its top.
    const built = [...end.matchAll(/^built +(\S+)/gm)]
      .map(([, name]) => name)
      .filter((name) => name !== '10_base');
    assert.deepEqual(built.sort(), ['20_one', '30_two', '40_three'], end);
    assert.doesNotMatch(end, /›|more/);
    // What ended before has gone off the top of three rows, and is still there.
    assert.match(screen.everything, /built.* .*10_base/);
  });

  for (const [what, env, options] of [
    ['CI=true', { CI: 'true' }, ''],
    ['TERM=dumb', { TERM: 'dumb' }, ''],
    ['--progress plain', {}, '--progress plain'],
  ] as const) {
    test(`${what} makes plain lines of it`, async () => {
      const prefix = Object.entries(env)
        .map(([name, value]) => `${name}=${value} `)
        .join('');
      using screen = new Screen(`${prefix}${VLB} build --force=40_three ${options}`, {
        columns: 60,
        rows: 20,
        cwd: project.directory,
      });
      const end = await screen.waitFor(/^image: /m);
      assert.equal(
        still(end),
        [
          'building 40_three',
          '40_three | begun',
          '40_three | three',
          'built    40_three  T, SIZE',
          '1 built, 0 restored, 3 fresh in T',
          'image: build/image.qcow2  SIZE',
        ].join('\n'),
      );
    });
  }

  test('what is piped gets the result alone, and colors are left out where they are not wanted', async () => {
    for (const [env, option, colored] of [
      ['', '', true],
      ['NO_COLOR=1 ', '', false],
      ['', '--no-color', false],
    ] as const) {
      using screen = new Screen(`${env}${VLB} build --force=40_three ${option} > out; echo ended`, {
        columns: 60,
        rows: 20,
        cwd: project.directory,
      });
      await screen.waitFor(/^ended/m);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: colors
      assert.equal(/\x1b\[[\d;]*m/.test(screen.everything), colored, `${env}${option}`);
      assert.match(readFileSync(project.path('out'), 'utf8'), /^image: build\/image\.qcow2 {2}[\d.]+ MiB\n$/);
    }
  });

  test('is taken down by ^C', async () => {
    using screen = new Screen(`${VLB} build -j 3 --force; echo "status $?"`, {
      columns: 60,
      rows: 20,
      cwd: project.directory,
    });
    await screen.waitFor(/40_three.* three/);
    screen.type('C-c');
    const end = await screen.waitFor(/^status 130$/m);
    assert.doesNotMatch(end, /^›/m);
  });
});

for (const columns of [40, 100]) {
  test(`a failure on ${columns} columns: the layer, its last lines and its log, and no line that lives on`, async () => {
    await using project = new TestProject({
      ...BASE,
      'layers/20_bad/build-layer': buildLayer('echo about to fail; sleep 1; exit 7', '# vlb: from 10_base'),
      'layers/30_good/build-layer': slow('good'),
    });
    const options = { columns, rows: 24, cwd: project.directory };
    let end = '';
    {
      using screen = new Screen(`${VLB} build -j 2 -k; echo "status $?"`, options);
      await screen.waitFor(/^status 1$/m);
      end = screen.unwrapped;
    }
    const lines = [
      'built    10_base  T, SIZE',
      'failed   20_bad  T',
      'built    30_good  T, SIZE',
      'error: layer 20_bad: build-layer failed with exit status 7',
      '  at layers/20_bad/build-layer',
      '  | about to fail',
      '  log: .vlb/logs/20_bad.log',
      '  look: vlb shell --failed 20_bad',
      '2 built, 0 restored, 0 fresh, 1 failed in T',
      'status 1',
    ];
    assert.equal(still(end), lines.join('\n'));
    assert.deepEqual(leftovers(project), []);
  });
}
