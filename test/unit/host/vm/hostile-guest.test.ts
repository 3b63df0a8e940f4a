// A guest that answers with anything: each operation fails or returns, with bounds on memory, and none throws.

import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import { readVolumes } from '../../../../src/host/images/partitions.ts';
import { selinuxOf, unmountAll } from '../../../../src/host/root/agent.ts';
import {
  closeStacked,
  holdStill,
  partitionTable,
  readBytes,
} from '../../../../src/host/root/agent-devices.ts';
import { programHead } from '../../../../src/host/root/agent-view.ts';
import { onAnotherMachine } from '../../../../src/host/root/remote-shell.ts';
import { type RootShell, rootShellOn } from '../../../../src/host/root/root-shell.ts';
import { RunShell } from '../../../../src/host/root/run-shell.ts';
import { emptyJournal } from '../../../../src/host/system/ext4-journal.ts';
import { growDisk } from '../../../../src/host/system/grow.ts';
import { mountSystem, trimVolumes, unmountSystem } from '../../../../src/host/system/mount.ts';
import { hashFiles, readAttributes } from '../../../../src/host/view/file-details.ts';
import { listFiles } from '../../../../src/host/view/file-list.ts';

/** What the guest prints as the answer to one request; undefined: it ends. The mark is known to it. */
type Answer = { readonly out: string; readonly error: string; readonly status: string } | undefined;

const MOST = 64 * 1024;

/** A root shell whose other side answers with what a function says. */
function shellThat(answer: (words: readonly string[]) => Answer): RootShell {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  const ended = Promise.withResolvers<{ ok: true; value: { status: number; signal: undefined } }>();
  const end = () => {
    stdout.end();
    stderr.end();
    ended.resolve({ ok: true, value: { status: 0, signal: undefined } });
  };
  let mark: string | undefined;
  let lines: string[] = [];
  let rest = '';
  stdin.on('data', (chunk: Buffer) => {
    const all = (rest + chunk.toString()).split('\n');
    rest = all.pop() ?? '';
    for (const line of all) {
      if (mark === undefined) {
        mark = line;
        continue;
      }
      lines.push(line);
      if (lines.length < 2 || lines.length < 2 + Number(lines[1])) continue;
      const said = answer(lines.slice(2));
      lines = [];
      if (!said) return end();
      stdout.write(`${said.out}\n${mark} ${said.status}\n`);
      stderr.write(`${said.error}\n${mark}\n`);
    }
  });
  stdin.on('end', end);
  const child = { pid: undefined, stdin, stdout, stderr, kill: end, ended: ended.promise };
  return onAnotherMachine(rootShellOn(child, MOST), async () => assert.fail('nothing is joined'));
}

const OPERATIONS: Readonly<Record<string, (run: RunShell) => Promise<unknown>>> = {
  volumes: ({ shell }) => readVolumes(shell, '/dev/nvme0n1'),
  table: ({ shell }) => partitionTable(shell, '/dev/nvme0n1'),
  bytes: ({ shell }) => readBytes(shell, '/dev/nvme0n1', { offset: 0, length: 512 }),
  journal: ({ shell }) => emptyJournal(shell, '/dev/nvme0n1'),
  selinux: ({ shell }) => selinuxOf(shell, '/root'),
  head: ({ shell }) => programHead(shell, '/root', '/bin/sh', 256),
  hold: ({ shell }) => holdStill(shell, '/root'),
  unmount: ({ shell, lists }) => unmountAll(shell, '/root', lists),
  mount: (run) =>
    mountSystem(run, '/dev/nvme0n1', {
      partitionMounts: [],
      fstab: 'required',
      passphrases: [Buffer.from('open sesame')],
      whereOf: () => ({ file: 'build-layer' }),
    }),
  'unmount all': (run) =>
    unmountSystem(
      run,
      {
        root: '/root',
        disk: '/dev/nvme0n1',
        rootDevice: '/dev/nvme0n1p1',
        further: [],
        volumes: [],
        inside: [],
      },
      true,
    ),
  trim: (run) => trimVolumes(run, '/dev/nvme0n1'),
  close: ({ shell }) => closeStacked(shell, '/dev/nvme0n1'),
  grow: (run) => growDisk(run, '/dev/nvme0n1', undefined),
  list: (run) => listFiles(run, '/root', []),
  hashes: (run) => hashFiles(run, '/root', ['/file']),
  attributes: (run) => readAttributes(run, '/root', ['/file']),
  files: async ({ shell }) => {
    await shell.files.read('/file');
    await shell.files.write('/file', 'text');
    await shell.files.link('target', '/link');
    return shell.files.exists('/file');
  },
};

/** Pseudo-random numbers below a limit, the same in each run: the multiplier of Park and Miller. */
function numbers(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (state * 48_271) % 0x7fffffff;
    return state % limit;
  };
}

/** Pieces of what the agent prints, so that parsers get further than their first line. */
const PIECES = [
  ...[
    'volume ',
    '/dev/nvme0n1',
    '/dev/nvme0n1p1',
    '/dev/nvme0n1p99999999999',
    ' 259:1',
    ' 99999999999:-1',
    '\n',
  ],
  ...[
    'DEVNAME=',
    'TYPE=ext4',
    'TYPE=xfs',
    'TYPE=btrfs',
    'TYPE=LVM2_member',
    'TYPE=crypto_LUKS',
    '/dev/mapper/vg-root vg/root',
    '/dev/mapper/../sda ../null',
    'UUID=../../..',
    'LABEL=\\x00\\',
    '=',
    '\0',
    'PARTUUID',
  ],
  ...[
    '{"partitiontable":',
    '{"label":"gpt","partitions":[{"node":"x","start":-1}]}',
    '}',
    '{',
    '[',
    'null',
    '1e999',
  ],
  ...[
    'journal ',
    'errors ',
    'setfiles',
    'dpkg',
    '../'.repeat(40),
    '/',
    '# file: ',
    'user.a=0x00',
    '\\777',
    '\u00ff',
  ],
  ...[
    'U+8AAAB',
    'AAAA',
    '====',
    '53ef',
    'LABEL=/ / ext4 defaults 0 1',
    'UUID=1 /var ext4 bind 0 0',
    '\\040',
    '\t',
  ],
];

function answersFrom(random: (limit: number) => number): (words: readonly string[]) => Answer {
  return () => {
    if (random(60) === 0) return undefined;
    const text = () => Array.from({ length: random(25) }, () => PIECES[random(PIECES.length)]).join('');
    // Base64 of noise, which is read as the bytes of a device.
    const noise = () =>
      Buffer.from(Array.from({ length: random(3000) }, () => random(256))).toString('base64');
    const status =
      ['0', '0', '0', '0', '1', '3', '4', '32', '', 'NaN', '-1', '1e3', '256 more'][random(13)] ?? '';
    return { out: random(3) === 0 ? noise() : text(), error: text(), status };
  };
}

test('whatever a guest answers, an operation returns or fails', { timeout: 120_000 }, async () => {
  for (let seed = 1; seed <= 150; seed++) {
    for (const [name, operation] of Object.entries(OPERATIONS)) {
      const run = new RunShell(shellThat(answersFrom(numbers(seed * 7919))), '/run/vlb/shell1');
      await assert.doesNotReject(operation(run), `${name} with seed ${seed}`);
      run.shell.kill();
    }
  }
});

test('what is not a partition table is a failure', async () => {
  const wrong = [
    '',
    'null',
    '{}',
    '{"partitiontable":{"label":"gpt","partitions":[null]}}',
    '{"partitiontable":7',
    '[]',
  ];
  for (const out of wrong) {
    const shell = shellThat(() => ({ out, error: '', status: '0' }));
    assert.equal((await partitionTable(shell, '/dev/nvme0n1')).ok, false, out);
  }
});

test('a status that is not one is a failure', async () => {
  for (const status of ['', 'NaN', '-1', '0x1', '1000', '1 2']) {
    const shell = shellThat(() => ({ out: '', error: '', status }));
    const read = await shell.run(['true'], [0, 1, 2]);
    assert.equal(read.ok, false, status);
  }
});

test('an answer without end ends the shell, and takes no memory', async () => {
  const shell = shellThat(() => ({ out: 'x'.repeat(MOST + 1), error: '', status: '0' }));
  const read = await shell.run(['true']);
  assert.ok(!read.ok && read.failure.kind === 'host');
});
