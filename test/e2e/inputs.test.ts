// Inputs: files of every kind and name, and those that are no files: parameters, the network, and a person's word.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, ftruncateSync, linkSync, openSync, readFileSync, symlinkSync, writeSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { isInstalled } from '../../src/host/process/run.ts';
import { readFromImage } from '../rig/host-state.ts';
import { asNobody } from '../rig/machine.ts';
import { peakOf } from '../rig/memory.ts';
import { run, TestProject, VLB } from '../rig/project.ts';
import { runAsRoot } from '../rig/root.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

test('a parameter reaches the script and the key', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_app/build-layer': buildLayer('echo "$VERSION" > /version', '# vlb: param VERSION=1 0'),
    'layers/30_end/build-layer': buildLayer('echo "end $NAME"', '# vlb: param NAME'),
  });
  const missing = await project.vlb(['build']);
  assert.equal(missing.status, 2);
  assert.match(
    missing.stderr,
    /layer 30_end requires a value for its parameter NAME\n.*30_end\/build-layer:2/,
  );

  assert.equal((await project.build(['-p', 'NAME=a=b c'])).output, 'end a=b c');
  const scratch = path.dirname(project.directory);
  assert.equal(readFromImage(project.path('build/image.qcow2'), scratch, '/version'), '1 0\n');
  assert.equal(
    (await project.build(['-p', 'NAME=a=b c'])).outcomes,
    '10_base fresh, 20_app fresh, 30_end fresh',
  );
  const why = await project.vlb(['why', 'app', '-p', 'NAME=x', '-p', 'VERSION=2']);
  assert.match(why.stdout, /^ {2}param VERSION: 1 0 → 2$/m);
  assert.equal((await project.build(['-p', 'NAME=x'])).outcomes, '10_base fresh, 20_app fresh, 30_end built');

  for (const [args, says] of [
    [['-p', 'VERSIO=1', '-p', 'NAME=x'], /no layer has a parameter VERSIO\n.*did you mean VERSION\?/],
    [['-p', 'VERSION'], /-p VERSION: not a parameter/],
  ] as const) {
    const ended = await project.vlb(['build', ...args]);
    assert.equal(ended.status, 2);
    assert.match(ended.stderr, says);
  }
});

test('network none leaves a script alone with its loopback', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_with/build-layer': buildLayer('cat /proc/net/dev | wc -l'),
    'layers/30_without/build-layer': buildLayer(
      'ln -s busybox /bin/ip; cat /proc/net/dev; cat /sys/class/net/lo/flags; ip address add 10.0.0.1/32 dev lo; ip link set dev lo up; cat /sys/class/net/lo/flags',
      '# vlb: network none',
    ),
    'layers/40_host/modify-disk':
      '#!/bin/sh\n# vlb: network none\n# vlb: disk-size 256M\ngrep -q 127.0.0.1 /proc/net/fib_trie && echo up || echo down\n',
  });
  const built = await project.build();
  assert.equal(built.status, 0, built.told);
  const without = built.events.flatMap((event) =>
    event.type === 'output' && event.layer === '30_without' ? [event.line] : [],
  );
  assert.equal(without.filter((line) => /^ *\w+:/.test(line)).length, 1, without.join('\n'));
  // Up from the beginning where there is `ip`, and the script's own to change.
  const flags = without.filter((line) => line.startsWith('0x'));
  assert.deepEqual(flags, [isInstalled('ip') ? '0x9' : '0x8', '0x9'], built.told);
  assert.equal(built.output.split('\n').at(-1), isInstalled('ip') ? 'up' : 'down');
});

test('--force runs a layer though nothing changed, and what stands on other bytes follows', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_random/build-layer': buildLayer('dd if=/dev/urandom of=/random bs=1k count=4 2>/dev/null'),
    'layers/30_end/build-layer': buildLayer('cat /random > /copy'),
  });
  assert.equal((await project.build()).status, 0);
  const forced = await project.build(['--force=random']);
  assert.equal(forced.outcomes, '10_base fresh, 20_random built, 30_end built', forced.told);
  assert.equal((await project.build()).outcomes, '10_base fresh, 20_random fresh, 30_end fresh');
  for (const all of ['--force', '--no-cache']) {
    assert.equal((await project.build([all])).outcomes, '10_base built, 20_random built, 30_end built', all);
  }
  assert.match((await project.vlb(['build', '-n', '--force=nothing'])).stderr, /no layer named "nothing"/);
});

test('files of any name are what the script finds, and names of one file are files of their own', async () => {
  const names = [' ', 'new\nline', '-rf', '\\n', '"', '\ufffd', 'e\u0301', '日'.repeat(85)];
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk(),
    ...Object.fromEntries(names.map((name) => [`layers/20_app/in/${name}`, name])),
    'layers/20_app/one': 'one\n',
    'layers/20_app/build-layer': buildLayer(`n=0
for file in in/*; do [ "$(cat "$file")" = "\${file#in/}" ] && n=$((n + 1)); done
echo "$n names"
echo two >> one; cat other; readlink loop; readlink dangling`),
  });
  linkSync(project.path('layers/20_app/one'), project.path('layers/20_app/other'));
  symlinkSync('loop', project.path('layers/20_app/loop'));
  symlinkSync('/nowhere', project.path('layers/20_app/dangling'));
  const built = await project.build();
  assert.equal(built.output, `${names.length} names\none\nloop\n/nowhere`, built.told);
  assert.equal((await project.build()).outcomes, '10_base fresh, 20_app fresh');
  assert.equal(readFileSync(project.path('layers/20_app/one'), 'utf8'), 'one\n');
});

test('a socket, a FIFO, a device and a file that may not be read are told, unless .vlbignore names them', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_app/build-layer': buildLayer('true'),
  });
  execFileSync('chmod', ['-R', 'a+rX', path.dirname(project.directory)]);
  const file = project.path('layers/20_app/odd');
  const special = 'a socket, FIFO or device cannot be an input of a layer';
  for (const [make, says] of [
    ['mkfifo "$1"', special],
    ['mknod "$1" c 1 3', special],
    ['mknod "$1" b 7 0', special],
    [`"$2" -e 'require("net").createServer().listen(process.argv[1], () => process.exit())' "$1"`, special],
    ['echo x > "$1"; chmod 0 "$1"', 'this input cannot be read (EACCES)'],
    ['mkdir -m 0 "$1"', 'this input cannot be read (EACCES)'],
  ] as const) {
    runAsRoot('sh', '-euc', make, 'sh', file, process.execPath);
    // As somebody else: root may read everything.
    const [command, args] = asNobody(['env', `VLB_NODE=${process.execPath}`, VLB, 'plan']);
    const told = await run(command, args, { cwd: project.directory });
    assert.equal(told.status, 2, told.stderr);
    assert.ok(told.stderr.startsWith(`error: ${says}\n  at layers/20_app/odd\n`), `${make}: ${told.stderr}`);
    project.write({ 'layers/20_app/.vlbignore': 'odd\n' });
    const ignored = await run(command, args, { cwd: project.directory });
    assert.equal(ignored.status, 0, ignored.stderr);
    runAsRoot('rm', '-r', '--', file, project.path('layers/20_app/.vlbignore'));
  }
});

test('what may not be read is told for what it is', async () => {
  const files = {
    'vlb.yaml': 'base: disk.raw\n',
    'disk.raw': 'x'.repeat(512),
    '.vlbignore': 'x\n',
    'layers/10_app/build-layer': buildLayer('true'),
  };
  for (const [name, says] of [
    ['vlb.yaml', 'vlb.yaml'],
    ['disk.raw', 'the base image'],
    ['.vlbignore', '.vlbignore'],
    ['layers', 'the directory layers'],
    ['layers/10_app', 'layer 10_app'],
    ['layers/10_app/build-layer', 'the script of layer 10_app'],
  ] as const) {
    await using project = new TestProject(files);
    execFileSync('chmod', ['-R', 'a+rX', path.dirname(project.directory)]);
    runAsRoot('chown', 'root:root', project.path(name));
    runAsRoot('chmod', '0', project.path(name));
    const [command, args] = asNobody(['env', `VLB_NODE=${process.execPath}`, VLB, 'plan']);
    const told = await run(command, args, { cwd: project.directory });
    assert.equal(told.stderr, `error: ${says} cannot be read (EACCES)\n  at ${name}\n`);
    assert.equal(told.status, 2);
  }
});

test('a sparse file of 5 GB takes neither its room, nor long, nor memory', async (t) => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_app/build-layer': buildLayer('stat -c "%s bytes, %b blocks" big; head -c 3 big; echo'),
  });
  const big = openSync(project.path('layers/20_app/big'), 'w');
  writeSync(big, 'abc');
  ftruncateSync(big, 5 * 2 ** 30);
  closeSync(big);
  const startedAt = performance.now();
  const built = await peakOf(VLB, ['build'], project.directory);
  assert.equal(built.status, 0, built.stderr);
  const [, blocks] = /5368709120 bytes, (\d+) blocks\n.*abc/.exec(built.stderr) ?? [];
  assert.ok(Number(blocks) <= 2048 * 2, built.stderr);
  assert.ok(built.mebibytes < 250, `${built.mebibytes} MiB`);
  const seconds = (performance.now() - startedAt) / 1000;
  t.diagnostic(`${seconds.toFixed(1)} s, ${built.mebibytes.toFixed()} MiB`);
  assert.ok(seconds < 100, `${seconds} s`);
});
