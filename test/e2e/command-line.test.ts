// The command line: what is wrong on it, where the project is looked for, and what goes to which stream.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { leftovers } from '../rig/host-state.ts';
import { run, TestProject, VLB } from '../rig/project.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

const BASE = { 'layers/10_base/modify-disk': tinyDisk() };
const CHAIN = { ...BASE, 'layers/20_app/build-layer': buildLayer('true') };

test('what is wrong on the command line is told with what was meant', async () => {
  await using project = new TestProject(BASE);
  for (const [args, says] of [
    [['biuld'], /did you mean vlb build\?/],
    [['build', '--flaten'], /flaten/],
    [['build', '--progress', 'fancy'], /fancy/],
    [[], /no command given/],
    [['-C', '/nowhere', 'build'], /no such directory/],
    [['build', '--jobs', 'x'], /--jobs must be a number, 1 or more/],
    [['build', '--jobs', '0'], /--jobs must be a number/],
    [['build', '--last', '10_base', '--last', '10_base'], /--last can be given only once/],
    [['new-layer'], /vlb new-layer requires another argument/],
    ...['--nbd', '--last', '-p', '--param', '-C', '--cache-dir', '--progress', '--jobs', '-j'].map(
      (option) => [['build', option], new RegExp(`^error: ${option} requires a value\\n`)] as const,
    ),
    ...['--run', '--expect', '--timeout', '--forward', '--memory', '--seed'].map(
      (option) => [['test-boot', option], new RegExp(`^error: ${option} requires a value\\n`)] as const,
    ),
    [['-C'], /^error: -C requires a value/],
    [['graph', '--format'], /^error: --format requires a value/],
    [['build', '--last='], /^error: --last requires a value/],
    [['build', '--progress', 'fast'], /--progress: invalid value "fast"\n {2}help: valid values: auto, tty,/],
    [['build', '-j', '2', '-j', '3'], /^error: -j can be given only once/],
    [['build', '--frce'], /^error: unknown option --frce\n {2}help: did you mean --force\?/],
    [['build', '--no-clor'], /unknown option --no-clor\n {2}help: did you mean --no-color\?/],
    [['build', '-f'], /^error: unknown option -f\n {2}help: see vlb build --help/],
    [['build', '-nf'], /^error: unknown option -f\n/],
    [['build', '--no-last'], /^error: unknown option --no-last\n/],
    [['build', '--last', '99'], /no layer named "99"\n {2}help: valid layers: 10_base/],
    [['plan', ''], /no layer named ""\n {2}help: valid layers: 10_base/],
    [['build', '--', '--flatten'], /"--flatten" is not a valid name \(it begins with a dash\)/],
    [['build', '--secret.A=b'], /^error: unknown option --secret\.A\n/],
    [['build', '-p.A=1'], /^error: -p \.A=1: not a parameter\n {2}help: write it as NAME=VALUE/],
    [['-C.=/', 'plan'], /^error: no such directory/],
    [['build', '--dryRun'], /^error: unknown option --dryRun\n {2}help: did you mean --dry-run\?/],
    [['--foo', 'build'], /^error: unknown option --foo\n/],
    [['why', '10_base', 'more'], /vlb why: unexpected argument "more"/],
    [['help', 'biuld'], /unknown command biuld\n {2}help: did you mean vlb build\?/],
    [
      ['test-boot', '--check', '--forward', '2222:22', '--forward', '2222:23'],
      /host port 2222 is forwarded twice/,
    ],
  ] as const) {
    const ended = await project.vlb(args);
    assert.equal(ended.status, 2, `${args.join(' ')}: ${ended.stderr}`);
    assert.match(ended.stderr, says);
    assert.equal(ended.stderr.match(/^error:/gm)?.length, 1, ended.stderr);
    assert.equal(ended.stdout, '');
  }
});

test('words behind -- are layers, and help COMMAND is COMMAND --help', async () => {
  await using project = new TestProject(CHAIN);
  assert.equal((await project.vlb(['build', '-n', '--', '10_base'])).stdout, 'run     10_base  no record\n');
  for (const command of ['build', 'why', 'test-boot', 'new-layer']) {
    const help = await project.vlb(['help', command]);
    assert.equal(help.status, 0);
    assert.equal(help.stdout, (await project.vlb([command, '--help'])).stdout);
  }
  assert.equal((await project.vlb(['help'])).stdout, (await project.vlb(['--help'])).stdout);
  assert.equal((await project.vlb(['-h'])).stdout, (await project.vlb(['--help'])).stdout);
});

test('help is one screen for each command, and every option says what it does', async () => {
  await using project = new TestProject({});
  for (const args of [['--help'], ...COMMANDS.map((command) => [command, '--help'])]) {
    const { stdout } = await project.vlb(args, { env: { COLUMNS: '80' } });
    const lines = stdout.trimEnd().split('\n');
    assert.ok(lines.length <= 50, `${args.join(' ')}: ${lines.length} lines`);
    assert.ok(
      lines.every((line) => line.length <= 80),
      stdout,
    );
    assert.doesNotMatch(stdout, /^ +-[^ ]+(, --[^ ]+)? +\[/m, 'an option without a text');
    if (args.length > 1) assert.match(stdout, /^Examples:$/m);
  }
});

const COMMANDS = ['build', 'plan', 'why', 'graph', 'ls', 'new-layer', 'test-boot'];

test('the project is looked for upwards, and not with -C', async () => {
  await using project = new TestProject({ ...CHAIN, 'docs/deep/2024_photos/x': '', 'vlb.yaml': '' });
  const note = `note: the project is ${project.directory}\n`;
  for (const below of ['docs/deep', 'layers', 'layers/20_app', 'docs/deep/2024_photos']) {
    const ended = await run(VLB, ['plan'], { cwd: project.path(below) });
    assert.equal(ended.status, 0, ended.stderr);
    assert.match(ended.stdout, /20_app/);
    assert.equal(ended.stderr, note);
    const here = await run(VLB, ['-C', '.', 'plan'], { cwd: project.path('docs') });
    assert.equal(here.status, 2);
    assert.match(here.stderr, /^error: no layers found/);
  }
  assert.equal((await project.vlb(['plan'])).stderr, '', 'no note at its own root');
  const made = await run(VLB, ['new-layer', 'more'], { cwd: project.path('docs') });
  assert.equal(made.stdout, '../layers/30_more/build-layer\n');
  mkdirSync(project.path('docs/other/layers'), { recursive: true });
  const own = await run(VLB, ['new-layer', 'first'], { cwd: project.path('docs/other') });
  assert.equal(own.stdout, 'layers/10_first/build-layer\n', 'a directory with layers/ is a project');
});

test('a layer may be named by its path', async () => {
  await using project = new TestProject(CHAIN);
  const app = project.path('layers/20_app');
  const link = `${project.directory}-link`;
  symlinkSync(project.directory, link);
  for (const [cwd, ...args] of [
    ['.', './layers/20_app'],
    ['.', 'layers/20_app/'],
    ['.', app],
    ['.', `${app}/`],
    ['layers', '20_app/'],
    ['layers/20_app', '.'],
    ['layers/10_base', '../20_app'],
    ['.', '-C', link, `${link}/layers/20_app`],
    ['/', '-C', project.directory, './layers/20_app'],
    ['/', `-C${project.directory}`, app],
  ] as const) {
    const ended = await run(VLB, ['why', ...args], { cwd: path.resolve(project.directory, cwd) });
    assert.equal(ended.status, 0, `${cwd} ${args.join(' ')}: ${ended.stderr}`);
    assert.match(ended.stdout, /^20_app/);
  }
  const forced = await project.vlb([
    'build',
    '-n',
    '--last',
    './layers/10_base',
    '--force=./layers/10_base/',
  ]);
  assert.equal(forced.stdout, 'run     10_base  forced\n', forced.stderr);
  const wrong = await project.vlb(['plan', './layers/20_ap']);
  assert.match(
    wrong.stderr,
    /^error: no layer named "\.\/layers\/20_ap"\n {2}help: did you mean 20_app\?\n$/,
  );
});

test('words that are not UTF-8 are refused, not mixed up', async () => {
  await using project = new TestProject({
    ...BASE,
    'layers/20_app/build-layer': buildLayer('true', '# vlb: param REQ=a'),
  });
  const plan = (word: string) =>
    run('sh', ['-c', `"${VLB}" plan -p "$(printf '${word}')"`], { cwd: project.directory });
  const refused = await plan('REQ=\\377');
  assert.deepEqual([refused.status, refused.stdout], [2, '']);
  assert.match(refused.stderr, /^error: "REQ=\ufffd" is not UTF-8\n/);
  assert.equal((await plan('REQ=\ufffd é')).status, 0);
});

test('what is not read is noted on stderr, and hints below the first command with their lines', async () => {
  await using project = new TestProject({
    ...BASE,
    'layers/20_app/build-layer': buildLayer('cat >/f <<E\n# nocache for html\nE\n# noshare'),
    ...{ 'layers/6_x/build-layer': '#!/bin/sh\n', 'vlb.yml': '' },
  });
  const ended = await project.vlb(['plan']);
  assert.equal(ended.status, 0);
  assert.match(ended.stderr, /^note: vlb\.yml: not read: /m);
  assert.match(ended.stderr, /^note: layers\/6_x: not a layer, .* like 06_x$/m);
  assert.match(ended.stderr, /^note: layers\/20_app\/build-layer:4: "nocache" is part of a here-document/m);
  assert.match(ended.stderr, /^note: layers\/20_app\/build-layer:6: the hint noshare is below/m);
  assert.equal((await project.build()).status, 0);
  assert.equal((await project.build()).outcomes, '10_base fresh, 20_app fresh');
});

test('layers at the root are found upwards too', async () => {
  await using project = new TestProject({ '10_base/modify-disk': tinyDisk(), 'docs/x': '' });
  const ended = await run(VLB, ['plan'], { cwd: project.path('docs') });
  assert.equal(ended.stdout, 'run     10_base  no record\n', ended.stderr);
});

test('results go to stdout and progress to stderr', async () => {
  await using project = new TestProject(BASE);
  const ended = await project.vlb(['build', '--progress', 'plain']);
  assert.match(ended.stdout, /^image: build\/image\.qcow2 {2}[\d.]+ MiB\n$/);
  assert.match(ended.stderr, /^building 10_base\n/);
  assert.doesNotMatch(ended.stderr, /image:/);
  assert.equal((await project.vlb(['build', '--progress', 'quiet'])).stdout, '');
});

test('with --progress json a build that cannot begin ends with an event, and people are told on stderr', async () => {
  await using project = new TestProject({ 'layers/10_base/modify-disk': tinyDisk({ size: 'huge' }) });
  const built = await project.build();
  assert.equal(built.status, 2);
  assert.equal(built.events.length, 1);
  assert.equal(built.finished?.ok, false);
  assert.match(built.finished?.failure?.message ?? '', /disk-size/);
  assert.deepEqual(built.finished?.failure?.where?.line, 3);
  assert.match(built.ended.stderr, /^error: .*disk-size/);
});

test('a directory without layers is told before anything is made in it', async () => {
  await using project = new TestProject({ 'notes.txt': '' });
  const ended = await project.vlb(['build']);
  assert.equal(ended.status, 2);
  assert.match(ended.stderr, /^error: no layers found/);
  assert.equal(existsSync(project.path('.vlb')), false);
  project.write({ '.vlb/lock/x': 'so that nothing can be locked' });
  assert.match((await project.vlb(['build'])).stderr, /^error: no layers found/);
});

test('a working directory that is gone is told, not traced', async () => {
  await using project = new TestProject({ 'gone/x': '' });
  const ended = await run('sh', ['-c', `cd gone && rm -r ../gone && exec "${VLB}" plan`], {
    cwd: project.directory,
  });
  assert.equal(ended.status, 3);
  assert.match(ended.stderr, /^vlb: the working directory is gone/m);
  assert.doesNotMatch(ended.stderr, /\.mjs|node:/);
  mkdirSync(project.path('gone'));
  const named = await run(
    'sh',
    ['-c', `cd gone && rm -r ../gone && exec "${VLB}" -C "${project.directory}" schema config`],
    { cwd: project.directory },
  );
  assert.equal(named.status, 0, 'with -C there is one to work in');
});

test('output that cannot be written is told in a line', async () => {
  await using project = new TestProject(CHAIN);
  for (const args of ['--help', 'plan', 'build --help', '--version', 'ls --json']) {
    const ended = await run('sh', ['-c', `"${VLB}" ${args} > /dev/full`], { cwd: project.directory });
    assert.equal(ended.status, 3, ended.stderr);
    assert.match(ended.stderr, /^vlb: cannot write the output: ENOSPC[^\n]*\n$/);
  }
  const mute = await run('sh', ['-c', `"${VLB}" build 2> /dev/full`], { cwd: project.directory });
  assert.equal(mute.status, 3);
  assert.match(mute.stdout, /^vlb: cannot write the output: ENOSPC[^\n]*\n$/);
  const events = await run('sh', ['-c', `"${VLB}" build --progress json > /dev/full`], {
    cwd: project.directory,
  });
  assert.equal(events.status, 3);
  assert.deepEqual(leftovers(project), []);
});

test('a reader that exits ends vlb as SIGPIPE does, after it has cleaned up', async () => {
  await using project = new TestProject({
    ...BASE,
    'layers/20_app/build-layer': buildLayer('while :; do echo line; sleep 0.1; done'),
  });
  for (const args of ['build --progress json', 'build 2>&1', 'help build']) {
    const line = `{ sleep 0.2; "${VLB}" ${args}; echo $? > status; } | head -c 1`;
    await run('sh', ['-c', args === 'help build' ? line.replace('head -c 1', 'true') : line], {
      cwd: project.directory,
    });
    assert.equal(readFileSync(project.path('status'), 'utf8'), '141\n', args);
    assert.deepEqual(leftovers(project), []);
  }
});

test('signals that were ignored at the start stay ignored, and SIGUSR1 opens nothing', async () => {
  await using project = new TestProject({
    ...BASE,
    'layers/20_app/build-layer': buildLayer('echo begun; sleep 1; echo ended'),
  });
  const line = `trap '' HUP INT TERM; exec "${VLB}" build --progress json`;
  let sent = false;
  const ended = await run('sh', ['-c', line], {
    cwd: project.directory,
    onStdout(text, kill) {
      if (sent || !text.includes('"begun"')) return;
      sent = true;
      for (const signal of ['SIGHUP', 'SIGINT', 'SIGTERM', 'SIGUSR1'] as const) kill(signal);
    },
  });
  assert.ok(sent);
  assert.equal(ended.status, 0, ended.stderr);
  assert.match(ended.stdout, /"line":"ended"/);
  assert.doesNotMatch(ended.stderr, /Debugger/);
});

test("^Z stops the script too, and the time that vlb was stopped is not the script's", async () => {
  const count = 'i=0; while [ $i -lt 20 ]; do i=$((i + 1)); echo "line $i"; sleep 0.1; done';
  await using project = new TestProject({
    ...BASE,
    'layers/20_app/build-layer': buildLayer(count, '# vlb: timeout 4s\n# vlb: param N=0'),
  });
  const log = project.path('.vlb/logs/20_app.log');
  // A shell with job control, or the kernel would not let vlb stop.
  const job = (signal: string, param: string) => `set -m
    "${VLB}" build -p N=${param} & vlb=$!
    until grep -q 'line 3' ${log} 2>/dev/null; do sleep 0.1; done
    kill -${signal} $vlb; sleep 1; grep -c line ${log}; sleep 5; grep -c line ${log}
    kill -CONT $vlb; fg %1 >/dev/null`;
  const stopped = await run('bash', ['-c', job('TSTP', '1')], { cwd: project.directory });
  const [before, after] = stopped.stdout.split('\n').map(Number);
  assert.equal(stopped.status, 0, stopped.stderr);
  assert.ok(before !== undefined && before < 20, stopped.stdout);
  assert.equal(after, before);
  rmSync(log);
  const alone = await run('bash', ['-c', job('STOP', '2')], { cwd: project.directory });
  assert.equal(alone.status, 0, alone.stderr);
  assert.deepEqual(leftovers(project), []);
});

test('an environment with contradictions, or none', async () => {
  await using project = new TestProject(CHAIN);
  const colors = { NO_COLOR: '1', FORCE_COLOR: '1', NODE_DISABLE_COLORS: '1' };
  const both = await project.vlb(['build', '--progress', 'tty'], { env: colors });
  assert.equal(both.status, 0);
  assert.doesNotMatch(both.stderr, /Warning/);
  const bare = await run('env', ['-i', VLB, '-C', project.directory, 'build', '--force'], {});
  assert.equal(bare.status, 0, bare.stderr);
});

test('a terminal that hangs up ends the build as others do', async () => {
  await using project = new TestProject({
    ...BASE,
    'layers/20_app/build-layer': buildLayer('echo begun; sleep 60'),
  });
  const ended = await project.build([], {
    onStdout: (text, kill) => void (text.includes('"begun"') && kill('SIGHUP')),
  });
  assert.equal(ended.status, 129, ended.told);
  assert.deepEqual(leftovers(project), []);
});

test('interrupted with -k, it ends as interrupted, whatever failed before, and tells that once', async () => {
  await using project = new TestProject({
    ...BASE,
    'layers/20_bad/build-layer': buildLayer('exit 1'),
    'layers/30_slow/build-layer': buildLayer('echo begun; sleep 60', '# vlb: from base'),
    'layers/40_slow/build-layer': buildLayer('sleep 60', '# vlb: from base'),
  });
  const ended = await project.build(['-k', '-j', '2'], {
    onStdout: (text, kill) =>
      void (text.includes('"line":"begun"') && text.includes('"failed"') && kill('SIGINT')),
  });
  assert.equal(ended.status, 130, ended.told);
  assert.deepEqual(
    ended.finished?.failures.map(({ failure }) => failure.kind),
    ['work', 'interrupted'],
  );
  assert.deepEqual(leftovers(project), []);
});

test('the schemas of vlb.yaml and of events are printed, without a project', async () => {
  await using project = new TestProject({});
  const config = await project.vlb(['schema']);
  assert.equal(JSON.parse(config.stdout).properties.base !== undefined, true, config.stderr);
  const events = await project.vlb(['schema', 'events']);
  assert.equal(JSON.parse(events.stdout).$schema, 'https://json-schema.org/draft/2020-12/schema');
  const unknown = await project.vlb(['schema', 'layers']);
  assert.deepEqual([unknown.status, unknown.stdout], [2, '']);
  assert.match(unknown.stderr, /^error: subject: invalid value "layers"\n.*config, layer, events$/m);
});
