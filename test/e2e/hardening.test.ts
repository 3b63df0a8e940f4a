// What went wrong once, or could: images and places that are not as one would wish, and output that nobody takes.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { leftovers, readFromImage } from '../rig/host-state.ts';
import { run, TestProject, VLB } from '../rig/project.ts';
import { isRoot, runAsRoot } from '../rig/root.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

const CHAIN = {
  'layers/10_base/modify-disk': tinyDisk(),
  'layers/20_app/build-layer': buildLayer('echo made > /made'),
};

test('a project may be in a directory with blanks, tabs and backslashes in its name', async () => {
  await using project = new TestProject({});
  const odd = path.join(project.directory, 'a b\\c\td');
  for (const [name, text] of Object.entries(CHAIN)) {
    mkdirSync(path.dirname(path.join(odd, name)), { recursive: true });
    writeFileSync(path.join(odd, name), text, { mode: 0o755 });
  }
  const built = await project.build(['-C', odd]);
  assert.equal(built.outcomes, '10_base built, 20_app built', built.told);
  assert.deepEqual(leftovers(project), []);
});

test('a link that a script puts where a mount point was leads to nothing of the host', async () => {
  await using project = new TestProject({
    ...CHAIN,
    'layers/20_app/in/file': '',
    'host/resolv.conf': '',
    'host/deep/in/.keep': '',
  });
  rmSync(project.path('host/deep/in/.keep'));
  project.write({
    'layers/20_app/build-layer': buildLayer(
      `mv /etc /etc.old; ln -s ${project.path('host')} /etc; mv /opt /opt.old; ln -s ${project.path('host/deep')} /opt`,
      '# chroot-bind-mount in /opt/in',
    ),
  });
  const built = await project.build();
  assert.equal(built.status, 0, built.told);
  assert.deepEqual(readdirSync(project.path('host')), ['deep', 'resolv.conf']);
  assert.deepEqual(readdirSync(project.path('host/deep')), ['in']);
});

test('mount points that were made on a second partition are taken away from it too', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk({
      more: 'umount "$root"; mkfs.ext4 -q "$3p2"; mount "$3p1" "$root"',
    }).replace('type=linux\\n', 'size=64M,type=linux\\ntype=linux\\n'),
    'layers/20_app/build-layer': buildLayer(
      'cp /data/in/file /data/copy',
      '# chroot-mount p2 /data\n# chroot-bind-mount in /data/in\n# chroot-bind-mount in/file /data/one',
    ),
    'layers/20_app/in/file': 'x\n',
  });
  const built = await project.build();
  assert.equal(built.status, 0, built.told);
  const scratch = path.dirname(project.directory);
  const [image, second] = [project.path('build/image.qcow2'), 65 * 1024 * 1024];
  assert.equal(readFromImage(image, scratch, '/copy', second), 'x\n');
  for (const name of ['/in', '/one']) assert.equal(readFromImage(image, scratch, name, second), undefined);
  assert.equal(readFromImage(image, scratch, '/data'), undefined);
});

for (const [how, script] of [
  [
    'through a file system',
    tinyDisk({ size: '1G', more: 'dd if=/dev/urandom of="$root/big" bs=1M count=200' }),
  ],
  [
    'to the device',
    '#!/bin/sh\n# vlb: from scratch\n# vlb: disk-size 1G\ndd if=/dev/urandom of="$3" bs=1M count=200\n',
  ],
] as const) {
  test(`a modify-disk that fills the store, ${how}, fails, though it was told of no error`, async () => {
    await using project = new TestProject({ 'layers/10_base/modify-disk': script });
    const above = path.dirname(project.directory);
    const [file, store] = [path.join(above, 'small.img'), path.join(above, 'small')];
    mkdirSync(store);
    execFileSync('truncate', ['-s', '100M', file]);
    execFileSync('mkfs.ext4', ['-q', '-m', '0', file]);
    runAsRoot('mount', '-o', 'loop', file, store);
    runAsRoot('chmod', '1777', store);
    try {
      const built = await project.build(['--cache-dir', store]);
      assert.equal(built.status, 3, built.told);
      assert.match(built.finished?.failure?.message ?? '', /no space left on the disk/);
      assert.deepEqual(readdirSync(path.join(store, 'keys')), []);
    } finally {
      runAsRoot('umount', store);
    }
  });
}

test('a bind mount below /mnt is there, and so are /dev/stdout and /dev/stderr', async () => {
  await using project = new TestProject({
    ...CHAIN,
    'layers/20_app/build-layer': buildLayer(
      'cat /mnt/shared/file >/dev/stderr; echo out >/dev/stdout',
      '# chroot-bind-mount ../../shared /mnt/shared',
    ),
    'shared/file': 'shared\n',
  });
  const built = await project.build();
  assert.equal(built.output, 'shared\nout', built.told);
});

test("the kernel's settings are the host's, and not a script's to change", async () => {
  const value = readFileSync('/proc/sys/vm/swappiness', 'utf8').trim();
  await using project = new TestProject({
    ...CHAIN,
    'layers/20_app/build-layer': buildLayer(`echo ${value} > /proc/sys/vm/swappiness`),
  });
  const built = await project.build();
  assert.equal(built.status, 1, built.told);
  assert.match(built.output, /Read-only file system/);
});

test('a base that changes while it is imported is kept under the key of what was imported', async () => {
  await using project = new TestProject({
    'vlb.yaml': 'base: base.raw\n',
    'layers/20_app/build-layer': buildLayer('true'),
  });
  const base = project.path('base.raw');
  execFileSync('dd', ['if=/dev/zero', `of=${base}`, 'bs=1M', 'count=600', 'status=none']);
  let touched = false;
  await project.build([], {
    onStdout: (text) => {
      if (touched || !text.includes('layer-started')) return;
      touched = true;
      execFileSync('dd', ['if=/dev/urandom', `of=${base}`, 'bs=1M', 'seek=599', 'count=1', 'conv=notrunc']);
    },
  });
  assert.ok(touched);
  execFileSync('dd', ['if=/dev/zero', `of=${base}`, 'bs=1M', 'seek=599', 'count=1', 'conv=notrunc']);
  assert.match((await project.build()).outcomes, /^base built/);
});

// Behind sudo the tools are those of root's own PATH: there is no putting one in front of losetup.
const notRoot = isRoot ? false : 'this puts a command in front of root’s losetup, which takes root';
test('a loop device of a build that was killed while attaching it is detached by the next', {
  skip: notRoot,
}, async () => {
  await using project = new TestProject(CHAIN);
  const note = path.join(path.dirname(project.directory), 'device');
  wrap(project, 'losetup', `"$REAL" "$@" || exit; case $* in *--partscan*) echo > ${note}; sleep 20 ;; esac`);
  await killedWhen(project, () => hasText(note));
  await sleep(500);
  assert.equal((await project.build()).status, 0);
  const paths = execFileSync('losetup', ['--noheadings', '--output', 'BACK-FILE'], { encoding: 'utf8' });
  assert.doesNotMatch(paths, /^\/$/m);
});

test('qemu-img ends with a vlb that is killed', async () => {
  await using project = new TestProject({
    'vlb.yaml': 'base: base.raw\n',
    'base.raw': '\0'.repeat(512),
    'layers/20_app/build-layer': buildLayer('true'),
  });
  const note = path.join(path.dirname(project.directory), 'pid');
  wrap(
    project,
    'qemu-img',
    `case $1 in convert) echo $$ > ${note}; exec sleep 60 ;; esac; exec "$REAL" "$@"`,
  );
  await killedWhen(project, () => hasText(note));
  await sleep(300);
  assert.equal(commandLine(readFileSync(note, 'utf8').trim()), '');
});

test("root's tools are found with a PATH that leaves them out", async () => {
  await using project = new TestProject(CHAIN);
  const built = await project.build([], {
    env: { PATH: '/usr/local/bin:/usr/bin:/bin', VLB_NODE: process.execPath },
  });
  assert.equal(built.status, 0, built.told);
});

test("a proxy's password is in no process list", async () => {
  await using project = new TestProject({
    ...CHAIN,
    'layers/20_app/build-layer': buildLayer('echo "proxy $http_proxy"; seq 1 100; sleep 1'),
  });
  let seen: string[] | undefined;
  const built = await project.build([], {
    env: { http_proxy: 'http://user:s3cr3t@127.0.0.1:3128' },
    onStdout: (text) => {
      if (!text.includes('"proxy ')) return;
      seen ??= readdirSync('/proc').filter((name) => commandLine(name).includes('s3cr3t'));
    },
  });
  assert.match(built.output, /^proxy http:\/\/user:s3cr3t@127/m);
  assert.deepEqual(seen, []);
});

test('output is told and logged as it comes, up to the last byte', async () => {
  await using project = new TestProject({
    ...CHAIN,
    'layers/20_app/build-layer': buildLayer('seq 1 7; printf half; sleep 60', '# vlb: timeout 1s'),
  });
  let toldAt = Number.POSITIVE_INFINITY;
  const built = await project.build([], {
    onStdout: (text) => {
      if (text.includes('"line":"7"')) toldAt = Math.min(toldAt, performance.now());
    },
  });
  assert.ok(performance.now() - toldAt > 500, 'the seventh line came before the end');
  assert.equal(built.status, 1, built.told);
  assert.equal(readFileSync(project.path('.vlb/logs/20_app.log'), 'utf8'), '1\n2\n3\n4\n5\n6\n7\nhalf');
});

test('build/ may be a link to another disk', async () => {
  await using project = new TestProject(CHAIN);
  const elsewhere = path.join(path.dirname(project.directory), 'else/where/deep');
  mkdirSync(elsewhere, { recursive: true });
  symlinkSync(elsewhere, project.path('build'));
  assert.equal((await project.build()).status, 0);
  execFileSync('qemu-img', ['check', '-q', project.path('build/image.qcow2')]);
  assert.equal((await project.build()).outcomes, '10_base fresh, 20_app fresh');
});

test('output that cannot be written ends the build cleanly', async () => {
  await using project = new TestProject(CHAIN);
  const { status, stderr } = await run('bash', ['-c', `${VLB} build --progress json >/dev/full`], {
    cwd: project.directory,
  });
  assert.equal(status, 3, stderr);
  assert.match(stderr, /^vlb: cannot write the output: ENOSPC.*$/m);
  assert.doesNotMatch(stderr, /\bat .*\.(ts|mjs):\d+/, 'a stack trace is a bug');
  assert.deepEqual(leftovers(project), []);
});

test('what cannot be written is told as that, not as a defect', async () => {
  await using project = new TestProject({ layers: 'a file' });
  const made = await project.vlb(['new-layer', 'app']);
  assert.equal(made.status, 3, made.stderr);
  assert.match(made.stderr, /^error: cannot create the layer/m);

  await using flat = new TestProject({ ...CHAIN, '.vlb/flattened.json/x': '' });
  const built = await flat.build(['--flatten']);
  assert.equal(built.status, 3, built.told);
  assert.match(built.finished?.failure?.message ?? '', /^the qcow2 image cannot be written/);
});

/** Puts a command in front of a tool; in it `$REAL` is the tool. */
function wrap(project: TestProject, tool: string, script: string): void {
  const real = execFileSync('sh', ['-c', `PATH=$PATH:/usr/sbin:/sbin; command -v ${tool}`], {
    encoding: 'utf8',
  });
  mkdirSync(project.path('bin'), { recursive: true });
  writeFileSync(project.path('bin', tool), `#!/bin/sh\nREAL=${real.trim()}\n${script}\n`, { mode: 0o755 });
}

/** Builds with the wrapped tools, and kills vlb as soon as something is so. */
async function killedWhen(project: TestProject, isSo: () => boolean): Promise<void> {
  const PATH = `${project.path('bin')}:${process.env['PATH']}`;
  let waiting: NodeJS.Timeout | undefined;
  const ended = await project.build([], {
    env: { PATH },
    onStdout: (_text, kill) => {
      waiting ??= setInterval(() => isSo() && kill('SIGKILL'), 20);
    },
  });
  clearInterval(waiting);
  assert.equal(ended.status, null, ended.told);
}

function hasText(file: string): boolean {
  return existsSync(file) && readFileSync(file, 'utf8') !== '';
}

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  } catch {
    return ''; // no process, or not any more
  }
}
