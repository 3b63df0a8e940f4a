// File systems that need particular options, and those that are damaged: what is wrong with which partition, in the words of
// the kernel.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { leftovers } from '../rig/host-state.ts';
import { type Built, TestProject } from '../rig/project.ts';
import { runAsRoot } from '../rig/root.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

const notes = (built: Built) =>
  built.events.flatMap((event) => (event.type === 'note' ? [event.message] : []));

/** What is done to the second partition, with the error of a layer that mounts it, or the note on it. */
const DAMAGES: Readonly<Record<string, readonly [commands: string, says: RegExp, hint: RegExp | 'a note']>> =
  {
    'a damaged superblock': [
      'printf "\\231\\231" | dd of="$part" bs=1 seek=1028 conv=notrunc',
      /at \/data: partition 2 \(ext4\): EXT4-fs \(loop\d+p2\): .*invalid superblock checksum/,
      /^repair it with e2fsck -f on partition 2 of the image/,
    ],
    'a superblock that is gone': [
      'dd if=/dev/zero of="$part" bs=1k count=64 conv=notrunc',
      /^partition 2 has no file system to mount at \/data$/,
      /p2 is unknown/,
    ],
    'a file system with errors': [
      'debugfs -w -R "ssv state 3" "$part"',
      /^partition 2 \(ext4\) has errors: EXT4-fs \(loop\d+p2\): warning: .*e2fsck is recommended/,
      /^repair it with e2fsck -f/,
    ],
    'errors that a script meets': [
      'mount "$part" "$TMPDIR"; mkdir "$TMPDIR/bad"; inode=$(stat -c %i "$TMPDIR/bad"); umount "$TMPDIR"; debugfs -w -R "clri <$inode>" "$part"',
      /^the kernel found errors in partition 2 \(ext4\): EXT4-fs error \(device loop\d+p2\): .*deleted inode/,
      /^repair it with e2fsck -f/,
    ],
    'a file system that was not unmounted': [
      'mkfs.ext4 -q -F -O ^has_journal "$part"; debugfs -w -R "ssv state 0" "$part"',
      /20_app: partition 2 \(ext4\) was not unmounted cleanly: .*e2fsck is recommended/,
      'a note',
    ],
    'a file system that the kernel does not have': [
      'wipefs -qa "$part"; printf "LUKS\\272\\276\\000\\001" | dd of="$part"',
      /at \/data: partition 2 \(crypto_LUKS\): unknown filesystem type 'crypto_LUKS'/,
      /modprobe crypto_LUKS/,
    ],
    'xfs with a damaged superblock': [
      'mkfs.xfs -qf "$part"; printf "\\231\\231" | dd of="$part" bs=1 seek=128 conv=notrunc',
      /at \/data: partition 2 \(xfs\): XFS \(loop\d+p2\): /,
      /^repair it with xfs_repair/,
    ],
  };

test('a damaged file system is named, and not built on without a word', async (t) => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk({ size: '400M', more: 'mkfs.ext4 -q "$3p2"' }).replace(
      'type=linux\\n',
      'size=32M,type=linux\\ntype=linux\\n',
    ),
  });
  for (const [what, [commands, says, hint]] of Object.entries(DAMAGES)) {
    await t.test(what, async () => {
      project.write({
        'layers/15_hurt/modify-disk': `#!/bin/sh\n# vlb: disk-size 400M\nset -eu\npart=\${3}p2\n${commands}\n`,
        'layers/20_app/build-layer': buildLayer('ls /data/bad || true', '# chroot-mount p2 /data'),
      });
      const built = await project.build();
      assert.equal(built.status === 0, hint === 'a note', built.told);
      const failure = built.finished?.failures[0]?.failure;
      if (hint === 'a note') assert.match(notes(built).join('\n'), says);
      else assert.match(failure?.message ?? '', says);
      if (hint !== 'a note') assert.match(failure?.hint ?? '', hint);
      assert.deepEqual(leftovers(project), []);
    });
  }
});

test('a damaged root is named; another partition that is damaged and not used is noted', async () => {
  const hurt = 'printf "\\231\\231" | dd of="$3p$N" bs=1 seek=1028 conv=notrunc';
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk({ size: '64M', more: 'mkfs.ext4 -q "$3p2"' }).replace(
      'type=linux\\n',
      'size=32M,type=linux\\ntype=linux\\n',
    ),
    'layers/15_hurt/modify-disk': `#!/bin/sh\n# vlb: disk-size 64M\n# vlb: param N=1\n${hurt}\n`,
    'layers/20_app/build-layer': buildLayer('true'),
  });
  const root = await project.build();
  const { message = '' } = root.finished?.failures[0]?.failure ?? {};
  assert.match(message, /^cannot mount partition 1 \(ext4\): EXT4-fs \(loop\d+p1\): .*superblock checksum/);
  const other = await project.build(['-p', 'N=2']);
  assert.equal(other.status, 0, other.told);
  assert.match(notes(other).join('\n'), /cannot mount partition 2 \(ext4\): EXT4-fs/);
});

test('xfs on another partition, by two layers at once and by the host', async () => {
  const mounting = (name: string) =>
    buildLayer(`echo ${name} > /data/name; sleep 1`, '# vlb: from base\n# chroot-mount p2 /data');
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk({
      size: '400M',
      more: 'mkfs.xfs -q "$3p2"; dd if="$3p2" of=/tmp/vlb-test.xfs bs=1M conv=sparse status=none',
    }).replace('type=linux\\n', 'size=32M,type=linux\\ntype=linux\\n'),
    'layers/20_a/build-layer': mounting('a'),
    'layers/30_b/build-layer': mounting('b'),
  });
  const place = project.path('mounted');
  project.write({ 'mounted/keep': '' });
  assert.equal((await project.build(['base'])).status, 0);
  runAsRoot('mount', '-o', 'loop', '/tmp/vlb-test.xfs', place);
  try {
    const built = await project.build();
    assert.equal(
      built.outcomes.replace('30_b built, 20_a built', '20_a built, 30_b built'),
      '10_base fresh, 20_a built, 30_b built',
      built.told,
    );
  } finally {
    runAsRoot('umount', place);
    runAsRoot('rm', '/tmp/vlb-test.xfs');
  }
});

test('btrfs with its root in a subvolume, and others by a hint and the fstab', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk({
      fileSystem: 'btrfs',
      empty: true,
      more: `for name in @ @home @var; do btrfs -q subvolume create "$root/$name"; touch "$root/$name/in$name"; done
btrfs -q subvolume create "$root/@home/ann"
fill "$root/@"
mkdir "$root/@/var"
echo "UUID=$(blkid -p -o value -s UUID "$DEVICE"p1) / btrfs subvol=@ 0 0
UUID=$(blkid -p -o value -s UUID "$DEVICE"p1) /var btrfs subvol=/@var 0 0" > "$root/@/etc/fstab"`,
    }),
    'layers/20_app/build-layer': buildLayer(
      'ls -d /in* /var/* /home/* /ann; echo kept > /home/kept; echo deep > /ann/deep',
      '# chroot-mount p1:@home /home\n# chroot-mount p1:@home/ann /ann',
    ),
    'layers/30_more/build-layer': buildLayer(
      'cat /home/kept /home/ann/deep',
      '# chroot-mount p1:@home /home',
    ),
    'layers/40_none/build-layer': buildLayer('true', '# chroot-mount p1:@none /home'),
  });
  const built = await project.build();
  assert.deepEqual(
    built.output.split('\n').slice(-7),
    ['/ann', '/home/ann', '/home/in@home', '/in@', '/var/in@var', 'kept', 'deep'],
    built.told,
  );
  const { message, where } = built.finished?.failures[0]?.failure ?? {};
  assert.equal(message, 'cannot mount at /home: partition 1 (btrfs) has no subvol=@none');
  assert.match(where?.file ?? '', /40_none\/build-layer$/);
  assert.deepEqual(leftovers(project), []);
});
