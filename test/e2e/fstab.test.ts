// What the image's own fstab mounts from its disk, a layer sees as the booted system does.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { TestProject } from '../rig/project.ts';
import { buildLayer, FILL } from '../rig/tiny.ts';

/** The root, /var and /boot on partitions of their own, and an encrypted volume. */
const DISK = `#!/bin/sh
# vlb: from scratch
# vlb: disk-size 256M
set -eu
device=$3 root=$TMPDIR/root
${FILL}
sfdisk -q "$device" <<'TABLE'
label: gpt
size=64M, type=linux
size=32M, type=linux
size=32M, type=linux, name="the boot"
type=linux
TABLE
partx --update "$device"
for number in 1 2 3; do mkfs.ext4 -q -L part$number "$device"p$number; done
printf 'LUKS\\272\\276\\000\\001' > "$device"p4 # enough of an encrypted volume for blkid
mkdir "$root"
mount "$device"p1 "$root"
fill "$root"
mkdir "$root/var" "$root/boot"
{
  echo "LABEL=part1 / ext4 defaults 0 1"
  echo "UUID=$(blkid -p -o value -s UUID "$device"p2) /var ext4 defaults 0 2"
  echo 'PARTLABEL=the\\\\040boot /boot ext4 ro,noatime 0 2'
  echo "LABEL=gone /gone ext4 nofail 0 2"
  echo "/dev/vda4 none swap sw 0 0"
  echo "tmpfs /tmp tmpfs defaults 0 0"
} > "$root/etc/fstab"
umount "$root"
`;

let project: TestProject;

before(async () => {
  project = new TestProject({
    'layers/10_base/modify-disk': DISK,
    'layers/20_write/build-layer': buildLayer('echo v > /var/v; echo b > /boot/b; ls /gone'),
    'layers/30_hidden/build-layer': buildLayer(
      'ls -A /var /boot; cat /second/v /third/b',
      '# vlb: fstab ignore\n# chroot-mount p2 /second\n# chroot-mount p3 /third',
    ),
    'layers/40_other/build-layer': buildLayer('cat /var/b; cat /boot/b', '# chroot-mount p3 /var'),
  });
});
after(async () => project?.[Symbol.asyncDispose]());

test('partitions are mounted where the system has them, unless the script says otherwise', async () => {
  const built = await project.build();
  assert.equal(built.status, 1, 'the directory of a line with nofail is not there');
  assert.match(built.output, /gone/);
  project.write({
    'layers/20_write/build-layer': buildLayer('echo v > /var/v; echo b > /boot/b'),
    'layers/40_other/build-layer': buildLayer('cat /var/b', '# chroot-mount p3 /var'),
  });
  const again = await project.build();
  assert.equal(again.status, 0, again.told);
  const lines = again.output.split('\n').filter((line) => !/^$|lost\+found/.test(line));
  assert.deepEqual(lines, ['/boot:', '/var:', 'v', 'b', 'b']);
  const notes = again.events.flatMap((event) => (event.type === 'note' ? [event.message] : []));
  assert.ok(
    notes.includes(
      "20_write: /gone, which line 4 of the image's /etc/fstab mounts, cannot be mounted: the disk has no LABEL=gone",
    ),
    notes.join('\n'),
  );
});

describe('a line that is required fails the layer before its script runs', () => {
  for (const [what, line, message, hint] of [
    [
      'a disk that is not there',
      'LABEL=none /data ext4 defaults 0 2',
      /line 7 .*the disk has no LABEL=none/,
      /nofail/,
    ],
    [
      'a file system that no kernel has',
      '/dev/sda4 /data ext4 defaults 0 2',
      /line 7 .*unknown filesystem type 'crypto_LUKS'/,
      /modprobe crypto_LUKS/,
    ],
  ] as const) {
    test(what, async () => {
      project.write({
        'layers/20_write/build-layer': buildLayer(`echo '${line}' >> /etc/fstab`),
        'layers/30_hidden/build-layer': buildLayer('echo it ran'),
        'layers/40_other/build-layer': buildLayer('true'),
      });
      const built = await project.build();
      assert.equal(built.outcomes, '10_base fresh, 20_write built, 30_hidden failed, 40_other skipped');
      const failure = built.finished?.failures[0]?.failure;
      assert.match(failure?.message ?? '', message);
      assert.match(failure?.hint ?? '', hint);
      assert.doesNotMatch(built.output, /it ran/);
    });
  }
});
