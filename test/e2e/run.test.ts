// A script's process: its streams, its signals, what it inherits, and how it is ended.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { leftovers } from '../rig/host-state.ts';
import { run, TestProject, VLB } from '../rig/project.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

/** A modify-disk that makes no system, for what the host's own box is. */
function onHost(commands: string, hints = ''): string {
  return `#!/bin/sh\n# vlb: from scratch\n# vlb: disk-size 1M\n${hints}\n${commands}\n`;
}

const STREAMS = `
echo one > /dev/stdout; echo two > /dev/stderr; echo three >> /dev/stderr
echo four | tee /dev/stderr > /dev/null; echo five > /proc/self/fd/2; cat < /dev/stdin; echo six`;

test('a script can open its streams by name, in the chroot and on the host', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk({ more: 'ln -s busybox "$root/bin/tee"' }),
    'layers/20_app/build-layer': buildLayer(STREAMS),
    'layers/30_host/modify-disk': onHost(STREAMS),
  });
  const built = await project.build();
  assert.equal(built.status, 0, built.told);
  for (const layer of ['20_app', '30_host']) {
    const lines = built.events.flatMap((e) => (e.type === 'output' && e.layer === layer ? [e.line] : []));
    assert.deepEqual(lines, ['one', 'two', 'three', 'four', 'five', 'six'], layer);
  }
});

test('files that vlb was started with are open for no script', async () => {
  const list = 'for n in /proc/self/fd/*; do readlink $n; done | grep hostname || echo none';
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_app/build-layer': buildLayer(list),
    'layers/30_host/modify-disk': onHost(list),
  });
  const built = await run(
    'bash',
    ['-c', `${VLB} build --progress json 3</etc/hostname 9</etc/hostname 63</etc/hostname 200</etc/hostname`],
    { cwd: project.directory },
  );
  assert.equal(built.status, 0, built.stderr);
  assert.equal(built.stdout.match(/"line":"none"/g)?.length, 2, built.stdout);
});

test('a script may have 1024 files open, as in a login, and more if it says so', async () => {
  const limits = 'ulimit -S -n; ulimit -S -n "$(ulimit -H -n)"; ulimit -S -n';
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_app/build-layer': buildLayer(limits),
    'layers/30_host/modify-disk': onHost(limits),
  });
  const hard = execFileSync('sh', ['-c', 'ulimit -H -n'], { encoding: 'utf8' }).trim();
  const built = await project.build();
  assert.equal(built.output, `1024\n${hard}\n1024\n${hard}`, built.told);
});

test('a script that signals itself ends by it, and nothing else is told', async () => {
  for (const [commands, says] of [
    ['kill $$; sleep 1; echo still here', /failed with signal 15$/],
    ["sh -c 'kill -INT $PPID'; sleep 1; echo still here", /failed with signal 2$/],
    ['kill -9 $$; echo still here', /failed with signal 9$/],
    ['exit 143', /failed with signal 15$/],
    ['exit 7', /failed with exit status 7$/],
  ] as const) {
    await using project = new TestProject({
      'layers/10_base/modify-disk': tinyDisk(),
      'layers/20_app/build-layer': buildLayer(commands),
    });
    const built = await project.build();
    assert.equal(built.status, 1, built.told);
    assert.match(built.finished?.failure?.message ?? '', says);
    assert.equal(built.output, '', 'no word of the shell above');
    assert.deepEqual(leftovers(project), []);
  }
});

test('what a script leaves without a parent is reaped', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk(),
    // In the place of the script a program that reaps nothing.
    'layers/20_app/build-layer': buildLayer('(sleep 0.1 &); echo ready; exec sleep 1.234'),
  });
  let looking: Promise<string[]> | undefined;
  const built = await project.build([], {
    onStdout: (text) => {
      if (text.includes('"line":"ready"')) looking ??= sleep(600).then(() => zombiesOf('sleep\x001.234\x00'));
    },
  });
  assert.equal(built.status, 0, built.told);
  assert.deepEqual(await looking, []);
});

test('a script runs where the image has no /bin/sh', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk({ more: 'mkdir "$root/tools"; mv "$root/bin"/* "$root/tools"' }),
    'layers/20_app/build-layer': buildLayer('/tools/echo "pid $$"').replace(
      '#!/bin/sh',
      '#!/tools/busybox sh',
    ),
    'layers/30_none/build-layer': buildLayer('true'),
  });
  const built = await project.build();
  assert.equal(built.output, 'pid 1\nunshare: failed to execute /mnt/build-layer: No such file or directory');
  assert.match(
    built.finished?.failure?.message ?? '',
    /its interpreter \/bin\/sh was not found in the image$/,
  );
});

test('an image for another processor is named, with what would run its programs', async () => {
  const foreign = "printf '\\177ELF\\002\\002\\001%9s\\000\\002\\000\\026' '' > \"$root/bin/busybox\"";
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk({ more: foreign }),
    'layers/20_app/build-layer': buildLayer('true'),
  });
  const built = await project.build();
  assert.equal(built.status, 3, built.told);
  const { message, hint } = built.finished?.failure ?? {};
  assert.match(
    message ?? '',
    /^the image is for s390x, and this machine is (x86_64 \(amd64\)|aarch64 \(arm64\))$/,
  );
  assert.match(hint ?? '', /install.*qemu-user-static/);
});

for (const [where, file] of [
  ['in the chroot', 'build-layer'],
  ['on the host', 'modify-disk'],
] as const) {
  test(`a script that runs too long ${where} is ended with all that it started`, async () => {
    const commands =
      "trap '' TERM INT HUP; setsid sleep 4321 >/dev/null 2>&1 & (sleep 4321 &) ; echo started; sleep 4321";
    await using project = new TestProject({
      'layers/10_base/modify-disk': tinyDisk(),
      [`layers/20_app/${file}`]:
        file === 'build-layer'
          ? buildLayer(commands, '# vlb: timeout 1s')
          : onHost(commands, '# vlb: timeout 1s'),
    });
    const startedAt = performance.now();
    const built = await project.build();
    assert.equal(built.status, 1, built.told);
    assert.equal(built.finished?.failure?.message, `layer 20_app: ${file} ran longer than its timeout, 1 s`);
    assert.deepEqual(built.finished?.failure?.detail, ['started']);
    assert.equal(built.finished?.failure?.where?.file, project.path(`layers/20_app/${file}`));
    assert.ok(performance.now() - startedAt < 15_000);
    const sleeping = readdirSync('/proc').filter((pid) => commandLine(pid) === 'sleep\x004321\x00');
    assert.deepEqual(sleeping, []);
    assert.deepEqual(leftovers(project), []);
  });
}

function commandLine(pid: string): string {
  return fileOf(pid, 'cmdline');
}

function fileOf(pid: string, name: string): string {
  try {
    return readFileSync(`/proc/${pid}/${name}`, 'utf8');
  } catch {
    return ''; // no process, or not any more
  }
}

/** The dead children of a command that nobody has asked about. */
function zombiesOf(parent: string): string[] {
  return readdirSync('/proc').filter((pid) => {
    const [state, parentId] = /\) (\S+ \d+)/.exec(fileOf(pid, 'stat'))?.[1]?.split(' ') ?? [];
    return state === 'Z' && commandLine(parentId ?? '') === parent;
  });
}
