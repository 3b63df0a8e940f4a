// What else of the agent needs no root: the words of requests, variables, and what /proc says of mounts and journals.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { escapeLine } from '../../../../../src/host/root/root-shell.ts';
import { Tree } from '../../../../rig/tree.ts';
import { inAgent } from './agent.ts';

const AWKWARD = [
  '',
  ' ',
  'a b',
  '$(id) `id` "\'',
  '\\',
  '\\n',
  '\\\\n',
  'two\nlines',
  '\n',
  'tab\t',
  '-n',
  'ü€',
  '*',
];

test('words arrive as they were, whatever is in them', () => {
  using tree = new Tree();
  for (const word of AWKWARD) {
    writeFileSync(tree.path('request'), ['printf', '%s', word].map((one) => `${escapeLine(one)}\n`).join(''));
    const { stdout, stderr } = inAgent(['protocol.sh', 'join.sh'], 'request "$1"', tree.path('request'));
    assert.deepEqual([stdout, stderr], [word, '']);
  }
});

test('stop ends a process that lost the first signal, and gives its status', () => {
  const deaf = `sh -c 'trap "trap - TERM" TERM; while :; do sleep 0.1; done' &
sleep 0.3; stop $!; echo $?
sh -c 'trap "exit 7" TERM; while :; do sleep 0.1; done' &
sleep 0.3; stop $!; echo $?`;
  const { stdout } = inAgent(['protocol.sh'], `exec 3>/dev/null\n${deaf}`);
  assert.equal(stdout, '143\n7\n');
});

test('serve answers each request with its status between marks, and with the words that it was given', () => {
  const requests = [
    ['run', 'printf', '%s-', ...AWKWARD],
    ['run', 'false'],
    ['run', 'sh', '-c', 'echo out; echo err >&2; exit 7'],
  ];
  const text = requests.map(([verb, ...args]) =>
    [verb, args.length, ...args.map(escapeLine)].map((line) => `${line}\n`).join(''),
  );
  using tree = new Tree({ requests: `mark\n${text.join('')}` });
  const { stdout, stderr } = inAgent(['protocol.sh'], 'serve <"$1"', tree.path('requests'));
  assert.equal(stdout, `${AWKWARD.join('-')}-\nmark 0\n\nmark 1\nout\n\nmark 7\n`);
  assert.equal(stderr, '\nmark\n\nmark\nerr\n\nmark\n');
});

test('stream makes one stream of both, and keeps the status', () => {
  const command = 'stream sh -c "echo out; echo err >&2; echo again; exit 3"';
  assert.deepEqual(inAgent(['protocol.sh'], command), { status: 3, stdout: '', stderr: 'out\nerr\nagain\n' });
});

test('write_file makes a file that others cannot read', () => {
  using tree = new Tree();
  const content = Buffer.from([0, 255, 10, 13, 92]);
  const args = [tree.path('secret'), content.toString('base64')];
  const done = inAgent(['protocol.sh'], 'write_file "$@" && stat -c %a "$1"', ...args);
  assert.deepEqual([done.status, done.stdout], [0, '400\n']);
  if (process.getuid?.() === 0) assert.deepEqual(readFileSync(tree.path('secret')), content);
});

test('with_variables gives a command the variables in the file, and no others', () => {
  using tree = new Tree({
    variables: ['A=1', 'B=two\nlines', 'C=\\ $(id)'].map((one) => `${escapeLine(one)}\n`).join(''),
  });
  const script = 'FOREIGN=1; export FOREIGN; with_variables "$1" /usr/bin/env -0';
  const { stdout } = inAgent(['protocol.sh', 'sandbox.sh'], script, tree.path('variables'));
  assert.deepEqual(stdout.split('\0').sort(), ['', 'A=1', 'B=two\nlines', 'C=\\ $(id)']);
});

describe('mounts_at', () => {
  test('lists what is mounted at a place and below, in order', () => {
    const { stdout } = inAgent(['paths.sh', 'mounts.sh'], 'mounts_at /proc');
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8')
      .split('\n')
      .map((line) => line.split(' ')[4] ?? '');
    assert.deepEqual(
      stdout.split('\n').filter((line) => line !== ''),
      mounts.filter((place) => place === '/proc' || place.startsWith('/proc/')),
    );
  });

  test('does not take a place for another whose name begins alike', () => {
    assert.equal(inAgent(['paths.sh', 'mounts.sh'], 'mounts_at /pro').stdout, '');
  });
});

test('escaped gives the path behind the octal digits of mountinfo, whatever follows them', () => {
  const paths = ['/plain', '/p 1', '/a\\040', '/\\', '/two\nlines\n', '/t\t7/#', '/ ü "\'$(id)%s', '/\x01'];
  for (const path of paths) {
    // As the kernel's seq_path has it, and # as well, which newer ones escape.
    const text = path.replaceAll(
      /[ \t\n\\#]/g,
      (one) => `\\${one.charCodeAt(0).toString(8).padStart(3, '0')}`,
    );
    assert.equal(inAgent(['mounts.sh'], 'escaped "$1"; printf "%s." "$place"', text).stdout, `${path}.`);
  }
});

test('journal_written says nothing of a device that has no journal', () => {
  const { status, stdout } = inAgent(['paths.sh', 'mounts.sh'], 'journal_written /dev/vlb-none');
  assert.deepEqual([status, stdout], [0, '']);
});

test('network_flag knows one word', () => {
  assert.equal(inAgent(['sandbox.sh'], 'network_flag none; echo "$network"').stdout, '--net\n');
  assert.equal(inAgent(['sandbox.sh'], 'network_flag host; echo "$network"').stdout, '\n');
});

test('partitions are known by their names alone', () => {
  const names = [
    'alignment_offset',
    'loop1p12',
    'loop1p2',
    'power',
    'loop1p1',
    'loop',
    'loop10p3',
    'loop1px',
    'loop1p',
  ];
  using sys = new Tree(Object.fromEntries(names.map((name) => [`loop1/${name}/`, ''])));
  sys.write({ 'nbd0/nbd0p1': '', 'loop2/size': '' });
  const numbersOf = (disk: string) =>
    inAgent(['devices.sh'], 'partitions_of "$1"; echo $numbers', sys.path(disk))
      .stdout.trim()
      .split(' ')
      .sort();
  assert.deepEqual(numbersOf('loop1'), ['1', '12', '2']);
  assert.deepEqual(numbersOf('nbd0'), ['1']);
  assert.deepEqual(numbersOf('loop2'), ['']);
  assert.deepEqual(numbersOf('gone'), ['']);
});

test('read_bytes prints exactly the bytes of a range, and fewer at the end', () => {
  using tree = new Tree({ file: Buffer.from(Array.from({ length: 200_000 }, (_, index) => index % 251)) });
  const bytes = readFileSync(tree.path('file'));
  for (const [offset, length] of [
    [0, 8192],
    [12_345, 70_001],
    [199_990, 100],
    [300_000, 10],
  ] as const) {
    const { stdout } = inAgent(
      ['devices.sh'],
      'read_bytes "$@"',
      tree.path('file'),
      String(offset),
      String(length),
    );
    assert.deepEqual(Buffer.from(stdout, 'base64'), bytes.subarray(offset, offset + length));
  }
});
