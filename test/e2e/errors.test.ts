// What is wrong is told once, clearly, with the right exit status, and nothing is built or left behind.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { leftovers } from '../rig/host-state.ts';
import { asNobody, pathWithout } from '../rig/machine.ts';
import { run, TestProject, VLB } from '../rig/project.ts';
import { runAsRoot } from '../rig/root.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

const BASE = { 'layers/10_base/modify-disk': tinyDisk() };

interface Case {
  readonly name: string;
  readonly files: Readonly<Record<string, string>>;
  readonly prepare?: (project: TestProject) => void;
  readonly args?: readonly string[];
  readonly status: number;
  readonly says: readonly RegExp[];
  /** What may have been built before the failure. */
  readonly built?: string;
}

const CASES: readonly Case[] = [
  {
    name: 'both scripts in one layer',
    files: { ...BASE, 'layers/10_base/build-layer': buildLayer('true') },
    status: 2,
    says: [/layer 10_base has both build-layer and modify-disk/, /at layers\/10_base$/m],
  },
  {
    name: 'a script that is not executable',
    files: BASE,
    prepare: (project) => chmodSync(project.path('layers/10_base/modify-disk'), 0o644),
    status: 2,
    says: [/the script of layer 10_base is not executable/, /help: chmod \+x .*modify-disk/],
  },
  {
    name: 'CRLF line endings',
    files: { 'layers/10_base/modify-disk': tinyDisk().replaceAll('\n', '\r\n') },
    status: 2,
    says: [/Windows line endings \(CRLF\)/, /at layers\/10_base\/modify-disk:1$/m],
  },
  {
    name: 'an interpreter that is not in the image',
    files: { ...BASE, 'layers/20_app/build-layer': '#!/usr/bin/python3\nprint(1)\n' },
    status: 1,
    says: [
      /its interpreter \/usr\/bin\/python3 was not found in the image/,
      /at layers\/20_app\/build-layer:1$/m,
    ],
    built: '10_base built, 20_app failed',
  },
  {
    name: 'an unknown hint',
    files: { ...BASE, 'layers/20_app/build-layer': buildLayer('true', '# vlb: disc-size 1G') },
    status: 2,
    says: [/unknown hint "disc-size"/, /build-layer:2$/m, /did you mean "disk-size"\?/],
  },
  {
    name: 'a malformed size',
    files: { 'layers/10_base/modify-disk': tinyDisk({ size: 'huge' }) },
    status: 2,
    says: [/the hint disk-size requires a size like 20G/, /modify-disk:3$/m],
  },
  {
    name: 'a base with another sha256',
    files: {
      'vlb.yaml': `base:\n  path: base.raw\n  sha256: ${'0'.repeat(64)}\n`,
      'base.raw': 'not the right one',
      'layers/10_app/build-layer': buildLayer('true'),
    },
    status: 2,
    says: [
      /the sha256 of the base image .* is not the one in vlb\.yaml/,
      /expected 0{64}/,
      /actual {3}[0-9a-f]{64}/,
    ],
    built: 'base failed, 10_app skipped',
  },
  {
    name: 'a base that does not exist',
    files: { 'vlb.yaml': 'base: gone.qcow2\n', 'layers/10_app/build-layer': buildLayer('true') },
    status: 2,
    says: [/the base image does not exist/, /at gone\.qcow2/],
  },
  {
    name: 'an unknown field in vlb.yaml',
    files: { ...BASE, 'vlb.yaml': '# a comment\nbaes: x\n' },
    status: 2,
    says: [/unknown field "baes" \(did you mean "base"\?\)/, /at vlb\.yaml:2$/m],
  },
  {
    name: 'nothing to start from',
    files: { 'layers/10_app/build-layer': buildLayer('true') },
    status: 2,
    says: [/layer 10_app has no parent/, /vlb\.yaml/],
  },
  {
    name: 'an unknown layer after --last',
    files: { ...BASE, 'layers/20_app/build-layer': buildLayer('true') },
    args: ['--last', '20_ap'],
    status: 2,
    says: [/no layer named "20_ap"/, /did you mean 20_app\?/],
  },
  {
    name: 'a disk with no operating system on it',
    files: {
      'layers/10_base/modify-disk': tinyDisk({ empty: true }),
      'layers/20_app/build-layer': buildLayer('true'),
    },
    status: 1,
    says: [/no operating system found on the disk/, /p1 is ext4/],
    built: '10_base built, 20_app failed',
  },
  {
    name: 'a script that fails',
    files: { ...BASE, 'layers/20_app/build-layer': buildLayer('echo about to fail\nexit 7') },
    status: 1,
    says: [
      /layer 20_app: build-layer failed with exit status 7/,
      /\| about to fail/,
      /log: \.vlb\/logs\/20_app\.log/,
    ],
    built: '10_base built, 20_app failed',
  },
  {
    name: 'a script that is killed',
    files: { ...BASE, 'layers/20_app/build-layer': buildLayer('sh -c "kill -9 \\$\\$"') },
    status: 1,
    says: [/build-layer failed with (exit status 137|signal 9)/],
    built: '10_base built, 20_app failed',
  },
  {
    name: 'a script that runs longer than its timeout',
    files: { ...BASE, 'layers/20_app/build-layer': buildLayer('sleep 100', '# vlb: timeout 0.5s') },
    status: 1,
    says: [/build-layer ran longer than its timeout, 0\.5 s/],
    built: '10_base built, 20_app failed',
  },
  {
    name: 'a modify-disk without disk-size, and no network block device',
    files: { 'layers/10_base/modify-disk': tinyDisk().replace(/# vlb: disk-size .*\n/, '') },
    status: 3,
    says: [/attaches its disk itself, which requires a network block device/, /--nbd \/dev\/nbd0/],
  },
  {
    name: 'a network block device that is not there',
    files: BASE,
    args: ['--nbd', '/dev/nbd99'],
    status: 3,
    says: [/\/dev\/nbd99 does not exist/, /modprobe/],
  },
  {
    name: 'no layers at all',
    files: { 'notes.txt': '' },
    status: 2,
    says: [/no layers found/, /vlb new-layer/],
  },
];

for (const { name, files, prepare, args = [], status, says, built = '' } of CASES) {
  test(`told clearly: ${name}`, async () => {
    await using project = new TestProject(files);
    prepare?.(project);
    const ended = await project.vlb(['build', '--progress', 'plain', ...args]);
    assert.equal(ended.status, status, ended.stderr);
    for (const pattern of says) assert.match(ended.stderr, pattern);
    assert.equal(ended.stderr.match(/^error:/gm)?.length, 1, ended.stderr);
    assert.doesNotMatch(ended.stderr, /\bat .*\.(ts|mjs):\d+/, 'a stack trace is a bug');
    assert.equal(ended.stdout, '');
    assert.deepEqual(leftovers(project), []);
    assert.equal(existsSync(project.path('build/image.qcow2')), false);
    if (built === '') return;
    const again = await project.build(args);
    assert.equal(again.outcomes, built.replace(' built', ' fresh'));
  });
}

test('told clearly: a missing tool, with the package that has it', async () => {
  await using project = new TestProject(BASE);
  const bin = pathWithout(project.path('bin'), /^qemu-storage-daemon$/);
  const ended = await project.vlb(['build'], { env: { PATH: bin } });
  assert.equal(ended.status, 3, ended.stderr);
  assert.match(ended.stderr, /qemu-storage-daemon is not installed/);
  assert.match(ended.stderr, /help: apt-get install qemu-system-common/);
  assert.deepEqual(leftovers(project), []);
});

test('told clearly: no space left, in the store, and the next build with room is right', async () => {
  await using project = new TestProject({
    ...BASE,
    'layers/20_app/build-layer': buildLayer('dd if=/dev/urandom of=/big bs=1M count=100 2>&1'),
  });
  const store = path.join(path.dirname(project.directory), 'small');
  mkdirSync(store);
  runAsRoot('mount', '-t', 'tmpfs', '-o', 'size=40M,mode=1777', 'tmpfs', store);
  try {
    const built = await project.build(['--cache-dir', store]);
    assert.equal(built.status, 3, built.told);
    assert.match(built.finished?.failure?.message ?? '', /no space left on the disk/);
    assert.deepEqual(leftovers(project), []);
    runAsRoot('mount', '-o', 'remount,size=400M', store);
    const again = await project.build(['--cache-dir', store]);
    assert.equal(again.outcomes, '10_base fresh, 20_app built', again.told);
  } finally {
    runAsRoot('umount', store);
  }
});

test('new-layer takes the next free ten, or the number it is given, and never one that is taken', async () => {
  await using project = new TestProject({});
  assert.equal(
    (await project.vlb(['new-layer', 'base', '--modify-disk'])).stdout,
    'layers/10_base/modify-disk\n',
  );
  assert.equal((await project.vlb(['new-layer', 'app'])).stdout, 'layers/20_app/build-layer\n');
  assert.equal((await project.vlb(['new-layer', '35_more'])).stdout, 'layers/35_more/build-layer\n');
  assert.equal((await project.vlb(['new-layer', 'last'])).stdout, 'layers/40_last/build-layer\n');
  const taken = await project.vlb(['new-layer', '35_other']);
  assert.equal(taken.status, 2);
  assert.match(
    taken.stderr,
    /35_more has the same number as 35_other\n {2}at layers\/35_more\n {2}help: 50 is free: vlb new-layer 50_other\n/,
  );
  for (const [name, says] of [
    ['5_x', /at least two digits\n {2}help: vlb new-layer 05_x, or after all others: vlb new-layer 50_x\n/],
    ['20', /a name must follow the number\n {2}help: add a name: vlb new-layer 20_app\n/],
    ['20_app', /layer 20_app already exists\n {2}at layers\/20_app\n/],
    ['app', /layer 20_app already exists: "app" would be ambiguous\n.*\n.*vlb new-layer 50_app\n/],
    ['a b', /"a b" is not a valid layer name\n {2}help: use letters/],
    ['', /"" is not a valid layer name/],
  ] as const) {
    const wrong = await project.vlb(['new-layer', name]);
    assert.equal(wrong.status, 2, name);
    assert.match(wrong.stderr, says);
  }
  assert.equal((await project.vlb(['new-layer', 'layers/60_path/'])).stdout, 'layers/60_path/build-layer\n');
  assert.equal((await project.vlb(['new-layer', '../evil'])).status, 2);
  assert.match(readFileSync(project.path('layers/10_base/modify-disk'), 'utf8'), /# vlb: from scratch/);
});

test('new-layer keeps what vlb makes out of git, and leaves a .gitignore alone', async () => {
  await using project = new TestProject({});
  const first = await project.vlb(['new-layer', 'base', '--modify-disk']);
  assert.equal(first.stderr, 'note: created .gitignore for .vlb/ and build/\n');
  assert.equal(readFileSync(project.path('.gitignore'), 'utf8'), '/.vlb/\n/build/\n');
  project.write({ '.gitignore': 'mine\n', '.git/HEAD': '' });
  assert.equal((await project.vlb(['new-layer', 'app'])).stderr, '');
  assert.equal(readFileSync(project.path('.gitignore'), 'utf8'), 'mine\n');
});

test('a reader that goes away ends the build cleanly', async () => {
  await using project = new TestProject({
    ...BASE,
    'layers/20_app/build-layer': buildLayer('seq 1 100000; sleep 20'),
  });
  const begun = performance.now();
  const ended = await run(
    'bash',
    ['-c', `${VLB} build --progress json | head -n 3; exit "\${PIPESTATUS[0]}"`],
    {
      cwd: project.directory,
    },
  );
  assert.equal(ended.status, 141, ended.stderr);
  assert.doesNotMatch(ended.stderr, /EPIPE|at .*\.mjs/);
  assert.ok(performance.now() - begun < 10_000);
  assert.deepEqual(leftovers(project), []);
});

test('after a build with sudo, the hint says how to take over its files', async () => {
  await using project = new TestProject({ ...BASE, '.vlb/store/.keep': '', 'build/.keep': '' });
  execFileSync('chmod', ['-R', 'a+rX', path.dirname(project.directory)]);
  runAsRoot('chown', '-R', 'nobody', project.directory);
  runAsRoot('chown', '-R', 'root', project.path('.vlb'), project.path('build'));
  const [command, args] = asNobody(['env', `VLB_NODE=${process.execPath}`, VLB, 'build']);
  const refused = await run(command, args, { cwd: project.directory });
  const hint = 'take the files over, if an earlier build ran with sudo: sudo chown -R nobody .vlb build';
  assert.ok(refused.stderr.endsWith(`  at .vlb/lock\n  help: ${hint}\n`), refused.stderr);
  assert.equal(refused.status, 3);
});
