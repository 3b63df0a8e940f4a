// Device nodes that a script makes: the standard ones work anywhere, and those of the host's disks nowhere.

import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { leftovers } from '../rig/host-state.ts';
import { TestProject } from '../rig/project.ts';
import { runAsRoot } from '../rig/root.ts';
import { buildLayer, partitionedDisk, tinyDisk } from '../rig/tiny.ts';

const cannotRun =
  !readFileSync('/proc/cgroups', 'utf8').includes('devices') &&
  !process.env['CI'] &&
  'NOT RUN: the kernel has no device controller';

test('a script uses the standard devices wherever it makes them, as debootstrap does, and no disk of the host', {
  skip: cannotRun,
}, async () => {
  await using project = new TestProject({});
  const disk = path.join(path.dirname(project.directory), 'disk');
  runAsRoot('sh', '-ec', `truncate -s 8M ${disk}; mkfs.ext4 -q ${disk}; mkdir ${disk}.mounted`);
  const device = runAsRoot('losetup', '--find', '--show', disk).trim();
  runAsRoot('mount', device, `${disk}.mounted`);
  const numbers = readFileSync(`/sys/block/${path.basename(device)}/dev`, 'utf8')
    .trim()
    .replace(':', ' ');
  try {
    project.write({
      'layers/10_base/modify-disk': partitionedDisk(),
      'layers/20_app/in/file': '',
      'layers/20_app/build-layer': buildLayer(
        `ln -s busybox /bin/mknod; ln -s busybox /bin/mkfifo
for place in / /dev /dev/shm /tmp /run /mnt /var /boot /opt/in /var/cache; do
  mkdir -p $place/made; cd $place/made
  mknod -m 666 null c 1 3; echo test > null; rm -f null
  mknod zero c 1 5; mknod full c 1 7; mknod random c 1 8; mknod urandom c 1 9; mknod tty c 5 0
  [ "$(head -c 3 zero | wc -c)" = 3 ]; [ "$(head -c 3 urandom | wc -c)" = 3 ]; cat <random | head -c 1 >/dev/null
  ! echo x 2>/dev/null > full
  ! cat tty 2>tty-error; ! grep -q permitted tty-error
  mknod mem c 1 1; mknod kmsg c 1 11; mknod fuse c 10 229
  for node in mem kmsg fuse; do ! dd if=$node of=/dev/null count=1 2>/dev/null; done
  cd /; rm -r $place/made
done
mkdir /other
! { mknod /host b ${numbers} && mount -t ext4 /host /other; }
mount -t devtmpfs none /other; echo x > /other/null
! dd if=/other/${path.basename(device)} of=/dev/null count=1; umount /other
set -- $(stat -c '%t %T' "$VLB_DISK"); mknod /own b $((0x$1)) $((0x$2)); dd if=/own of=/dev/null count=1; rm /own
mknod /sda1 b 8 1; mknod /console c 5 1
grep devices: /proc/self/cgroup`,
        '# chroot-bind-mount in /opt/in\n# vlb: cache-dir /var/cache',
      ),
    });
    const built = await project.build();
    assert.equal(built.status, 0, built.told);
    assert.deepEqual(leftovers(project), []);
    const group = /^\d+:devices:(.*\/vlb-.*)$/m.exec(built.output)?.[1];
    assert.ok(group, built.output);
    assert.equal(existsSync(`/sys/fs/cgroup/devices${group}`), false, 'the control group was not removed');
  } finally {
    runAsRoot('umount', `${disk}.mounted`);
    runAsRoot('losetup', '--detach', device);
  }
});

test('layers that start at the same moment all have the standard devices', { skip: cannotRun }, async () => {
  const numbers = Array.from({ length: 12 }, (_, index) => 20 + index);
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk({ size: '32M', more: 'ln -s busybox "$root/bin/mknod"' }),
    ...Object.fromEntries(
      numbers.map((number) => [
        `layers/${number}_app${number}/build-layer`,
        buildLayer(`mknod /null c 1 3; echo ${number} > /null; rm /null`, '# vlb: from base'),
      ]),
    ),
  });
  const built = await project.build(['--jobs', '12']);
  assert.equal(built.status, 0, built.told);
  assert.deepEqual(leftovers(project), []);
});
