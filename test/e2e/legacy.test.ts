// Projects in the older layout build unchanged.

import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { leftovers, readFromImage } from '../rig/host-state.ts';
import { TestProject } from '../rig/project.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

test('numbered directories at the root, nocache, a bind mount and a second partition', async () => {
  await using project = new TestProject({
    '010_base/modify-disk': `#!/bin/sh
# vlb: from scratch
# vlb: disk-size 200M
set -eu
printf 'label: dos\\nsize=64M\\n,\\n' | sfdisk -q "$3"
partx --update "$3"
mkfs.ext4 -q "\${3}p1"
mkfs.ext4 -q "\${3}p2"
mkdir "$TMPDIR/r"; mount "\${3}p2" "$TMPDIR/r"
mkdir "$TMPDIR/r/bin" "$TMPDIR/r/etc"
cp /bin/busybox "$TMPDIR/r/bin/"
for tool in sh cat touch cp ls; do ln -s busybox "$TMPDIR/r/bin/$tool"; done
echo 'root:x:0:0::/:/bin/sh' > "$TMPDIR/r/etc/passwd"
umount "$TMPDIR/r"
`,
    '020_files/build-layer': '#!/bin/sh\n# nocache\ntouch /file\ncp -a dir /\n',
    '020_files/dir/inside': 'inside\n',
    '030_boot/build-layer': `#!/bin/sh
# chroot-bind-mount ../common /common
# chroot-mount p1 /boot
cat /common/settings > /boot/settings
ls / > /boot/listing
`,
    'common/settings': 'settings\n',
    README: 'not a layer',
  });
  const built = await project.build();
  assert.equal(built.outcomes, '010_base built, 020_files built, 030_boot built', built.told);
  const scratch = path.dirname(project.directory);
  const image = project.path('build/image.qcow2');
  const second = (1 + 64) * 1024 * 1024;
  assert.equal(readFromImage(image, scratch, '/dir/inside', second), 'inside\n');
  assert.equal(readFromImage(image, scratch, '/file', second), '');
  assert.equal(readFromImage(image, scratch, '/settings'), 'settings\n');
  assert.equal(readFromImage(image, scratch, '/common', second), undefined);
  assert.equal(readFromImage(image, scratch, '/boot', second), undefined);
  assert.deepEqual(leftovers(project), []);
  assert.equal((await project.build()).outcomes, '010_base fresh, 020_files fresh, 030_boot fresh');
  assert.equal((await project.build(['--last', '020_files'])).status, 0);
});

test('layers in both places are an error', async () => {
  await using project = new TestProject({
    '10_base/modify-disk': tinyDisk(),
    'layers/20_app/build-layer': buildLayer('true'),
  });
  const ended = await project.vlb(['build']);
  assert.equal(ended.status, 2);
  assert.match(
    ended.stderr,
    /there are layers both in layers\/ \(20_app\) and at the project's root \(10_base\)/,
  );
});
