// The two parsers: that of `vlb build` means the same as yargs with the same table, and leaves to it what it does not read.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parse } from '../../../../src/cli/args/parse.ts';
import { parseBuild } from '../../../../src/cli/args/parse-build.ts';
import { COMMANDS, dashed, optionsOf } from '../../../../src/cli/args/table/table.ts';
import type { Option } from '../../../../src/cli/args/table/types.ts';
import { readValues } from '../../../../src/cli/args/values.ts';

const VALUES = [
  'x',
  '20_app',
  '4',
  '',
  'a=b',
  'json',
  'shell',
  '0',
  '1.5',
  'é ü',
  'a\nb',
  '"x',
  "'x'",
  '-',
  '-5',
  '--',
  'true',
];

/** Each option in each form, with each value. */
function forms([name, option]: readonly [string, Option]): string[][] {
  const words = [dashed(name), ...(option.alias === undefined ? [] : [dashed(option.alias)])];
  return words.flatMap((word) => [
    [word],
    [word, word],
    ...VALUES.flatMap((value) => [
      [word, value],
      [`${word}=${value}`],
      [`${word}${value}`],
      [word, value, word, value],
    ]),
  ]);
}

describe('parseBuild reads what yargs reads', () => {
  const lines = [
    [],
    ...VALUES.map((value) => [value]),
    ...Object.entries<Option>(optionsOf(COMMANDS.build)).flatMap(forms),
    ['20_app', '-n', '30_web', '--last', '40_x', 'web'],
    ['-nk'],
    ['-kj', '4'],
    ['-nkj4'],
    ['-p', 'A=1', '--param', 'B=2', '-p', ''],
    ['--keepGoing'],
    ['--no-keep-going'],
    ['--constructor'],
    ['--toString', 'x'],
  ];
  let read = 0;
  for (const place of [
    (line: readonly string[]) => ['build', ...line],
    (line: readonly string[]) => ['build', ...line, 'last'],
    (line: readonly string[]) => ['build', 'first', ...line, '-k'],
    (line: readonly string[]) => ['-C', '/x', '--debug', 'build', ...line],
    (line: readonly string[]) => [...line, 'build'],
  ]) {
    test(place(['…']).join(' '), () => {
      for (const line of lines) {
        const argv = place(line);
        const words = parseBuild(argv);
        if (!words) continue;
        read++;
        assert.deepEqual(readValues(words, argv), parse(argv), JSON.stringify(argv));
      }
    });
  }
  test('and reads all that is usual', () => {
    assert.ok(read > 500, String(read));
    for (const line of [
      '',
      '20_app web',
      '-n',
      '-j4',
      '-j 4',
      '--jobs=4 -k --flatten',
      '--force',
      '--force=20_app',
      '--progress json --on-error shell',
      '-C dir --cache-dir=x --cache remote:off --no-color --debug',
      '-p A=1 -p B=2 --secret t=f --nbd /dev/nbd0 --last 20_app --no-cache',
    ]) {
      assert.ok(parseBuild(['build', ...line.split(' ').filter((word) => word !== '')]), line);
    }
    for (const line of [
      'plan',
      'build --help',
      'build --version',
      'build --frce',
      'build -- x',
      'x build',
      '',
    ]) {
      assert.equal(parseBuild(line.split(' ')), undefined, line);
    }
  });
});

/** What a command gets, without the options of all commands that were not given. */
function rawOf(line: string): unknown {
  const call = parse(line.split(' '));
  assert.ok(call.ok, line);
  const given = Object.entries(call.value.raw).filter(([, value]) => value !== undefined);
  return [call.value.path, Object.fromEntries(given)];
}

test('command lines become values', () => {
  const NO_LISTS = { param: [], secret: [], nbd: [] };
  for (const [line, ...expected] of [
    ['why app', 'why', { layer: 'app', param: [], behind: [] }],
    ['watch a b', 'watch', { layer: ['a', 'b'], progress: 'auto', ...NO_LISTS, behind: [] }],
    ['cache gc -n', 'store gc', { dryRun: true, behind: [] }],
    ['cache --json du', 'store du', { json: true, behind: [] }],
    ['store verify --rebuild x', 'store verify', { rebuild: 'x', param: [], secret: [], behind: [] }],
    ['shell app -- ls -l', 'shell', { layer: 'app', ...NO_LISTS, behind: ['ls', '-l'] }],
    ['plan -- app', 'plan', { layer: ['app'], param: [], behind: [] }],
    ['help cache gc', 'help', { topic: ['cache', 'gc'], behind: [] }],
    ['cache gc --help', 'help', { topic: ['store', 'gc'], help: true, behind: [] }],
    ['--help', 'help', { topic: [], help: true, behind: [] }],
    ['init', 'init', { base: 'debian', behind: [] }],
    ['--cache-dir x ls', 'ls', { cacheDir: 'x', layer: [], param: [], behind: [] }],
  ] as const) {
    assert.deepEqual(rawOf(line), expected, line);
  }
});

test('what is not valid is named as it was typed', () => {
  for (const [line, message, hint] of [
    ['', 'no command given', 'see vlb --help'],
    ['biuld', 'unknown command biuld', 'did you mean vlb build?'],
    [
      'cache',
      'vlb store requires a command: du, ls, gc, push, pull, prefetch, verify, clear or keygen',
      'see vlb store --help',
    ],
    ['cache vrify', 'unknown command store vrify', 'did you mean vlb store verify?'],
    ['-C', '-C requires a value', 'see vlb --help'],
    ['why', 'vlb why requires another argument', 'see vlb why --help'],
    ['why a b', 'vlb why: unexpected argument "b"', 'see vlb why --help'],
    [
      'shell a ls',
      'vlb shell: unexpected argument "ls"',
      'put the command to run after --: vlb shell LAYER -- COMMAND',
    ],
    ['graph --format x', '--format: invalid value "x"', 'valid values: text, dot, mermaid, json'],
    ['test-boot --accel hvf', '--accel: invalid value "hvf"', 'valid values: auto, kvm, tcg'],
    ['completion tcsh', 'shell: invalid value "tcsh"', 'valid values: bash, zsh, fish'],
    ['diff a --json --stat', 'use either --stat or --json, not both', undefined],
    ['watch -j 2 --jobs=3', '--jobs can be given only once', 'see vlb watch --help'],
    ['watch -j x', '-j must be a number, 1 or more', 'see vlb watch --help'],
    ['plan -p', '-p requires a value', 'see vlb plan --help'],
    ['plan --xyzw', 'unknown option --xyzw', 'see vlb plan --help'],
    ['log --folow x', 'unknown option --folow', 'did you mean --follow?'],
  ] as const) {
    const call = parse(line === '' ? [] : line.split(' '));
    assert.deepEqual(call, { ok: false, failure: { kind: 'usage', message, ...(hint && { hint }) } }, line);
  }
});
