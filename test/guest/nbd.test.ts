// Builds on network block devices. For a machine whose nbd devices are the tests' own: test/rig/guest.ts makes one.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { nbdBackend } from '../../src/host/attach/nbd.ts';
import { openRootShell } from '../../src/host/root/root-shell.ts';
import { RunShell } from '../../src/host/root/run-shell.ts';
import { checkFileSystem, leftovers, readFromImage } from '../rig/host-state.ts';
import { afterMounting } from '../rig/machine.ts';
import { Built, run, TestProject, VLB } from '../rig/project.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';
import { failureIn, valueIn as good } from '../rig/tree.ts';

const ONE = ['--nbd', '/dev/nbd0'];
const TWO = [...ONE, '--nbd', '/dev/nbd1'];
/** Which device the chroot's root is on. */
const TELL_DEVICE =
  'while read -r device place rest; do [ "$place" != / ] || echo "on $device"; done < /proc/mounts';
/** Until both devices are attached. */
const TOGETHER = 'until grep -q nbd0 /proc/partitions && grep -q nbd1 /proc/partitions; do sleep 0.1; done';

test('a layered build on one device', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_app/build-layer': buildLayer(
      'echo app > /app; rm -f /etc/none; echo "$VLB_DISK $VLB_ROOT_PARTITION" /dev/nbd* /sys/block/* $(readlink -f /dev/disk/by-uuid/*)',
    ),
    'layers/30_more/build-layer': buildLayer('cat /app > /more'),
    'layers/40_side/build-layer': buildLayer('echo side > /side', '# vlb: from base'),
  });
  const built = await project.build(ONE);
  assert.equal(
    built.outcomes.split(', ').sort().join(),
    '10_base built,20_app built,30_more built,40_side built',
    built.told,
  );
  assert.match(
    built.output,
    /^\/dev\/nbd0 \/dev\/nbd0p1 \/dev\/nbd0 \/dev\/nbd0p1 \/sys\/block\/nbd0 \/dev\/nbd0p1$/m,
  );
  assert.deepEqual(leftovers(project), []);
  const scratch = path.dirname(project.directory);
  assert.equal(readFromImage(project.path('build/30_more.qcow2'), scratch, '/more'), 'app\n');
  assert.equal(readFromImage(project.path('build/40_side.qcow2'), scratch, '/side'), 'side\n');
  assert.equal(checkFileSystem(project.path('build/30_more.qcow2'), scratch), '');
  execFileSync('qemu-img', ['check', '-q', project.path('build/30_more.qcow2')]);
});

test('layers at the same time on two devices', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_left/build-layer': buildLayer(`${TELL_DEVICE}; ${TOGETHER}`, '# vlb: from base'),
    'layers/30_right/build-layer': buildLayer(TELL_DEVICE, '# vlb: from base'),
  });
  const built = await project.build(TWO);
  assert.equal(built.outcomes.split(', ').length, 3, built.told);
  assert.deepEqual(built.output.split('\n').sort(), ['on /dev/nbd0p1', 'on /dev/nbd1p1']);
  assert.deepEqual(leftovers(project), []);
});

test('a layer that mounts another takes two devices, and waits for one that this build uses', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_part/build-layer': buildLayer('sleep 5', '# vlb: from base'),
    'layers/30_whole/build-layer': buildLayer(
      'cat /m/bin/busybox > /copy',
      '# vlb: from base\n# vlb: mount base /m',
    ),
  });
  const built = await project.build(TWO);
  assert.equal(built.status, 0, built.told);
  assert.deepEqual(leftovers(project), []);
});

test('a layer that mounts another says so where it has one device', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/30_whole/build-layer': buildLayer('true', '# vlb: mount base /m'),
  });
  const ended = await project.vlb(['build', ...ONE]);
  assert.equal(ended.status, 3, ended.stderr);
  assert.match(ended.stderr, /\/dev\/nbd0 is attached to the layer's own disk/);
  assert.match(ended.stderr, /help: .*one for each layer that it mounts/);
  assert.deepEqual(leftovers(project), []);
});

/** What older projects do: a larger disk over the one before, whose partition and file system grow. */
const RESIZE = `#!/bin/sh
set -eu
SOURCE=$1 TARGET=$2 DEVICE=$3
echo "on $DEVICE"
qemu-img create -q -f qcow2 -F qcow2 -b "$SOURCE" "$TARGET" 20G
qemu-nbd --connect="$DEVICE" "$TARGET"
until [ "$(blockdev --getsz "$DEVICE")" != 0 ]; do sleep 0.1; done
growpart "$DEVICE" 1
e2fsck -fy "\${DEVICE}p1"
resize2fs "\${DEVICE}p1"
`;

test('an older modify-disk attaches its disk itself: a larger one', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_resize/modify-disk': `${RESIZE}qemu-nbd --disconnect "$DEVICE"\n`,
    'layers/30_app/build-layer': buildLayer('set -- $(df -m / | tail -n 1); echo "size $2"'),
  });
  const built = await project.build(ONE);
  assert.equal(built.outcomes, '10_base built, 20_resize built, 30_app built', built.told);
  assert.deepEqual(leftovers(project), []);
  const size = Number(/^size (\d+)$/m.exec(built.output)?.[1]);
  assert.ok(size > 19_000 && size < 20 * 1024, `${size} MiB`);
  for (const layer of ['20_resize', '30_app']) {
    const image = project.path(`build/${layer}.qcow2`);
    execFileSync('qemu-img', ['check', '-q', image]);
    assert.equal(checkFileSystem(image, path.dirname(project.directory)), '');
  }
});

test('an older modify-disk is given a device that no other layer uses, and may leave it connected', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_left/build-layer': buildLayer(`${TELL_DEVICE}; ${TOGETHER}`, '# vlb: from base'),
    'layers/30_right/modify-disk': RESIZE.replace('set -eu', '# vlb: from base\nset -eu'),
  });
  const built = await project.build(TWO);
  assert.equal(built.status, 0, built.told);
  const devices = new Set(built.output.match(/^on .dev.nbd./gm));
  assert.equal(devices.size, 2, built.output);
  assert.deepEqual(leftovers(project), []);
  assert.equal(checkFileSystem(project.path('build/30_right.qcow2'), path.dirname(project.directory)), '');
});

test('a device that something else uses is not taken: the next one is, or one clear error reported', async () => {
  await using project = new TestProject({ 'layers/10_base/modify-disk': tinyDisk() });
  const other = path.join(path.dirname(project.directory), 'other.qcow2');
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', other, '32M']);
  execFileSync('qemu-nbd', ['--connect=/dev/nbd0', '--format=qcow2', other]);
  try {
    const ended = await project.vlb(['build', ...ONE]);
    assert.equal(ended.status, 3, ended.stderr);
    assert.match(ended.stderr, /\/dev\/nbd0 is connected by process \d+/);
    assert.match(ended.stderr, /help: give a free one with --nbd, .*qemu-nbd --disconnect \/dev\/nbd0/);
    const built = await project.build(TWO);
    assert.equal(built.status, 0, built.told);
    assert.equal(existsSync('/sys/block/nbd1/pid'), false);
    assert.equal(existsSync('/sys/block/nbd0/pid'), true);
  } finally {
    execFileSync('qemu-nbd', ['--disconnect', '/dev/nbd0']);
  }
});

test('a device that another vlb holds is not taken, connected or not', async () => {
  await using one = await newRun();
  await using two = await newRun();
  const lent = good(await one.backend.lend(one.run));
  for (const attempt of [() => two.backend.attach(two.run, two.image), () => two.backend.lend(two.run)]) {
    assert.deepEqual(failureIn(await attempt()).detail, ['/dev/nbd0 is reserved by another vlb']);
  }
  good(await lent.detach());
  const disk = good(await two.backend.attach(two.run, two.image));
  assert.match(
    failureIn(await one.backend.attach(one.run, one.image)).detail?.join() ?? '',
    /^\/dev\/nbd0 is connected by process \d+$/,
  );
  good(await disk.detach());
});

test('the server of another is not taken for one’s own, which was slower', async () => {
  await using one = await newRun();
  await using two = await newRun();
  const disk = good(await one.backend.attach(one.run, one.image));
  // As if it had been free when it was looked at.
  const said = path.join(two.directory, 'said');
  const late = ['qemu-nbd', '--verbose', '--connect=/dev/nbd0', two.image];
  const daemon = good(await two.shell.start(['locked', path.join(two.directory, 'lock'), said, ...late]));
  const waited = good(await two.shell.run(['await_connected', '/sys/block/nbd0', daemon, said], [0, 1]));
  assert.equal(waited.status, 1);
  good(await one.shell.run(['blkid', '--probe', '/dev/nbd0'], [0, 2]));
  good(await disk.detach());
});

/** A run of a vlb of its own, on /dev/nbd0, with an image to attach. */
async function newRun() {
  const directory = mkdtempSync(path.join(tmpdir(), 'vlb-nbd-'));
  const image = path.join(directory, 'image.qcow2');
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', image, '16M']);
  const backend = nbdBackend(['/dev/nbd0']);
  const { lend } = backend;
  assert.ok(lend);
  const shell = good(await openRootShell());
  return {
    directory,
    image,
    shell,
    run: new RunShell(shell, directory),
    backend: { ...backend, lend },
    [Symbol.asyncDispose]: async () => {
      await shell[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true });
    },
  };
}

test('two builds at once never get one device', async () => {
  const files = {
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_app/build-layer': buildLayer('sleep 6'),
  };
  await using a = new TestProject(files);
  await using b = new TestProject(files);
  const [first, second] = await Promise.all([a.build(TWO), b.build(TWO)]);
  assert.equal(first.status, 0, first.told);
  assert.equal(second.status, 0, second.told);
  assert.deepEqual([...leftovers(a), ...leftovers(b)], []);
});

test('without udev, partitions go with their disk as well', async () => {
  execFileSync('systemctl', [
    'stop',
    'systemd-udevd-control.socket',
    'systemd-udevd-kernel.socket',
    'systemd-udevd',
  ]);
  try {
    await using project = new TestProject({
      'layers/10_base/modify-disk': tinyDisk({ more: 'ls /dev/nbd0p*' }),
      'layers/20_plain/modify-disk': '#!/bin/sh\n# vlb: from scratch\n# vlb: disk-size 8M\nls /dev/nbd0*\n',
    });
    const built = await project.build(ONE);
    assert.equal(built.status, 0, built.told);
    assert.deepEqual(built.output.split('\n').sort(), ['/dev/nbd0', '/dev/nbd0p1']);
  } finally {
    execFileSync('systemctl', ['start', 'systemd-udevd']);
  }
});

test('what is not a network block device is reported with a hint', async () => {
  await using project = new TestProject({ 'layers/10_base/modify-disk': tinyDisk() });
  const missing = await project.vlb(['build', '--nbd', '/dev/nbd99']);
  assert.equal(missing.status, 3, missing.stderr);
  assert.match(missing.stderr, /\/dev\/nbd99 does not exist/);
  assert.match(missing.stderr, /help: .*nbds_max=100$/m);
  const named = await project.vlb(['build', '--nbd', '/dev/vda']);
  assert.equal(named.status, 2, named.stderr);
  assert.match(named.stderr, /"\/dev\/vda" is not a network block device/);
  const [command, args] = afterMounting('touch /tmp/file && mount --bind /tmp/file /dev/nbd0', [
    VLB,
    'build',
    '-C',
    project.directory,
    ...ONE,
  ]);
  const file = await run(command, args);
  assert.equal(file.status, 3, file.stderr);
  assert.match(file.stderr, /\/dev\/nbd0 is not a block device/);
});

test('a kernel without the module is reported with a hint, even if a node exists', async () => {
  await using project = new TestProject({ 'layers/10_base/modify-disk': tinyDisk() });
  execFileSync('modprobe', ['-r', 'nbd']);
  try {
    const without = await project.vlb(['build', ...ONE]);
    assert.equal(without.status, 3, without.stderr);
    assert.match(without.stderr, /\/dev\/nbd0 does not exist/);
    assert.match(without.stderr, /help: run modprobe nbd; .*fuse backend/);
    execFileSync('mknod', ['/dev/nbd0', 'b', '43', '0']);
    const stale = await project.vlb(['build', ...ONE]);
    assert.equal(stale.status, 3, stale.stderr);
    assert.match(stale.stderr, /the kernel has no \/dev\/nbd0/);
    execFileSync('rm', ['/dev/nbd0']);
  } finally {
    execFileSync('modprobe', ['nbd']);
  }
  const built = new Built(await project.vlb(['build', '--progress', 'json', ...ONE]));
  assert.equal(built.status, 0, built.told);
});
