// The parser: what it reads, and what it refuses.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parse } from '../../../../src/cli/args/parse.ts';
import { collectPlainly, readLine } from '../../../../src/cli/args/read.ts';
import { split } from '../../../../src/cli/args/split.ts';
import { COMMANDS, camelCased, dashed, optionsOf } from '../../../../src/cli/args/table/table.ts';
import type { Command, Option } from '../../../../src/cli/args/table/types.ts';

const RUNS = { seed: 20261126, numRuns: 500 };

test('an option of one name requires a value in all commands, or in none', () => {
  const shapes = new Map<string, Set<string>>();
  for (const command of Object.values<Command>(COMMANDS)) {
    for (const [name, option] of Object.entries(optionsOf(command))) {
      const shape = `${name} ${option.alias} ${option.value !== undefined && !option.optional}`;
      for (const word of [name, option.alias ?? name]) {
        shapes.set(word, (shapes.get(word) ?? new Set()).add(shape));
      }
    }
  }
  for (const [word, all] of shapes) assert.equal(all.size, 1, `${word}: ${[...all].join(' / ')}`);
});

/** A value as users have them: anything that does not look like an option. */
const value = fc.string({ unit: 'binary', minLength: 1 }).filter((text) => !text.startsWith('-'));
const buildOptions = Object.entries<Option>(optionsOf(COMMANDS.build)).filter(
  ([name]) => name !== 'help' && name !== 'version',
);

/** An option of `vlb build` in one of its forms, and the value that it has to get. */
const given = fc.constantFrom(...buildOptions).chain(([name, option]) => {
  const long = `--${name}`;
  const letter = option.alias ?? (name.length === 1 ? name : undefined);
  const values: fc.Arbitrary<string> = option.choices
    ? fc.constantFrom(...option.choices)
    : option.number
      ? fc.integer({ min: 1 }).map(String)
      : value;
  return values.chain((text) => {
    const flag = option.value === undefined;
    const forms = [
      ...(name.length === 1
        ? []
        : flag
          ? [[long]]
          : [[`${long}=${text}`], ...(option.optional ? [] : [[long, text]])]),
      ...(letter === undefined ? [] : flag ? [[`-${letter}`]] : [[`-${letter}`, text]]),
      // A leading "=" belongs to the form.
      ...(letter === undefined || flag || text.startsWith('=')
        ? []
        : [[`-${letter}${text}`], [`-${letter}=${text}`]]),
    ];
    return fc.record({
      name: fc.constant(name),
      option: fc.constant(option),
      words: fc.constantFrom(...forms),
      value: fc.constant(flag ? true : option.number ? Number(text) : text),
    });
  });
});

test('each option in each form, before or behind the command, gets its value byte for byte', () => {
  const options = fc.uniqueArray(given, { selector: ({ name }) => name, maxLength: 6 });
  const layers = fc.array(value, { maxLength: 3 });
  fc.assert(
    fc.property(options, layers, fc.nat(6), fc.boolean(), (all, names, at, dashes) => {
      const before = all.slice(0, at).flatMap(({ words }) => words);
      const after = all.slice(at).flatMap(({ words }) => words);
      // A word behind --force is its LAYER: the arguments come after a --.
      const argv = [...before, 'build', ...after, ...(dashes ? ['--', ...names] : [])];
      const call = parse(argv);
      assert.deepEqual(readLine(split(argv), collectPlainly), call, 'without yargs');
      assert.ok(call.ok, JSON.stringify(call));
      assert.equal(call.value.path, 'build');
      const raw: Readonly<Record<string, unknown>> = call.value.raw;
      assert.deepEqual(raw['layer'], dashes ? names : []);
      for (const one of all) {
        assert.deepEqual(raw[camelCased(one.name)], one.option.list ? [one.value] : one.value, one.name);
      }
    }),
    RUNS,
  );
});

test('any words become a command, or a failure in words', () => {
  const known = [
    ...Object.keys(COMMANDS).flatMap((path) => path.split(' ')),
    ...Object.values<Command>(COMMANDS).flatMap((command) => Object.keys(optionsOf(command)).map(dashed)),
    ...[
      '--',
      '-',
      '-p',
      '-j4',
      '-nk',
      '-p.A=1',
      '--constructor',
      '--__proto__',
      '--no-last',
      '=',
      'shell',
      '-h',
    ],
  ];
  const word = fc.oneof(
    fc.constantFrom(...known),
    fc.string({ unit: 'binary' }),
    value.map((text) => `-${text}`),
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 8 }), (argv) => {
      const call = parse(argv);
      assert.deepEqual(readLine(split(argv), collectPlainly), call, 'without yargs');
      if (!call.ok) assert.equal(call.failure.kind, 'usage');
    }),
    RUNS,
  );
});

test('nothing is accepted that is not in the help', () => {
  for (const { name, option } of buildOptions.map(([name, option]) => ({ name, option }))) {
    const flag = option.value === undefined;
    const wrong = [
      ...(name.includes('-') ? [[`--${camelCased(name)}`], [`--${name.replaceAll('-', '_')}`]] : []),
      ...(name.length > 3 ? [[`--${name.slice(0, -1)}`], [`--${name.toUpperCase()}`]] : []),
      [`--${name}.A=b`],
      [`--${name}[]=b`],
      ...(name === 'cache' || name === 'color' ? [] : [[`--no-${name}`]]),
      ...(flag ? [[`--${name}=true`], [`--${name}=false`], [`--${name}=`]] : []),
    ];
    for (const words of wrong) {
      const call = parse(['build', ...words]);
      assert.equal(call.ok, false, words.join(' '));
    }
  }
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
    [
      '-C shell build -- 10_base',
      'build',
      {
        ...{ C: 'shell', layer: ['10_base'], onError: 'keep', progress: 'auto', ...NO_LISTS, behind: [] },
      },
    ],
    [
      '-C shell shell app -- build -n',
      'shell',
      {
        ...{ C: 'shell', layer: 'app', ...NO_LISTS, behind: ['build', '-n'] },
      },
    ],
    ['shell app -- sh -- -C', 'shell', { layer: 'app', ...NO_LISTS, behind: ['sh', '--', '-C'] }],
    ['-Cdir plan app', 'plan', { C: 'dir', layer: ['app'], param: [], behind: [] }],
    ['-C../dir plan', 'plan', { C: '../dir', layer: [], param: [], behind: [] }],
    ['plan -pREQ=x -p=B=1', 'plan', { layer: [], param: ['REQ=x', 'B=1'], behind: [] }],
    ['-pREQ=x plan', 'plan', { layer: [], param: ['REQ=x'], behind: [] }],
    ['plan -p A=\'x\' --param=B="y"', 'plan', { layer: [], param: ["A='x'", 'B="y"'], behind: [] }],
    ['--trace - plan', 'plan', { trace: '-', layer: [], param: [], behind: [] }],
    [
      '-kj4 watch x',
      'watch',
      {
        ...{ layer: ['x'], keepGoing: true, jobs: 4, progress: 'auto', ...NO_LISTS, behind: [] },
      },
    ],
    ['-h', 'help', { topic: [], help: true, behind: [] }],
    ['store -h gc', 'help', { topic: ['store', 'gc'], help: true, behind: [] }],
    [
      '--force build 20_app',
      'build',
      {
        ...{ layer: ['20_app'], force: '', onError: 'keep', progress: 'auto', ...NO_LISTS, behind: [] },
      },
    ],
    [
      'build --force 20_app',
      'build',
      {
        ...{ layer: [], force: '20_app', onError: 'keep', progress: 'auto', ...NO_LISTS, behind: [] },
      },
    ],
    ['plan true false', 'plan', { layer: ['true', 'false'], param: [], behind: [] }],
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
    ['watch --jobs=0x2', '--jobs must be a number, 1 or more', 'see vlb watch --help'],
    ['watch --jobs=1e3', '--jobs must be a number, 1 or more', 'see vlb watch --help'],
    ['watch -j 2 --jobs=3', '--jobs can be given only once', 'see vlb watch --help'],
    ['watch -j x', '-j must be a number, 1 or more', 'see vlb watch --help'],
    ['plan -p', '-p requires a value', 'see vlb plan --help'],
    ['plan --xyzw', 'unknown option --xyzw', 'see vlb plan --help'],
    ['log --folow x', 'unknown option --folow', 'did you mean --follow?'],
    ['--qux build', 'unknown option --qux', 'see vlb build --help'],
    ['--qux', 'unknown option --qux', 'see vlb --help'],
    ['-C shell biuld -- shell', 'unknown command biuld', 'did you mean vlb build?'],
    ['--force 20_app build', 'unknown command 20_app', 'see vlb --help'],
    ['--json biuld', 'unknown command biuld', 'did you mean vlb build?'],
    ['--help=build', '--help takes no value', 'see vlb --help'],
    ['--jobs=4', 'no command given', 'see vlb --help'],
    ['plan -n', 'unknown option -n', 'see vlb plan --help'],
    ['build -j4n', '-j must be a number, 1 or more', 'see vlb build --help'],
    ['build -nx', 'unknown option -x', 'see vlb build --help'],
    ['build --dryRun', 'unknown option --dryRun', 'did you mean --dry-run?'],
    ['build --dry-run=no', '--dry-run takes no value', 'see vlb build --help'],
    ['build -n=1', '-n takes no value', 'see vlb build --help'],
    ['build --secret.A=b', 'unknown option --secret.A', 'did you mean --secret?'],
    ['build --force=', '--force requires a value', 'see vlb build --help'],
    ['build -p -n', '-p requires a value', 'see vlb build --help'],
    ['plan -- -x', '"-x" is not a valid name (it begins with a dash)', undefined],
  ] as const) {
    const call = parse(line === '' ? [] : line.split(' '));
    assert.deepEqual(call, { ok: false, failure: { kind: 'usage', message, ...(hint && { hint }) } }, line);
  }
});
