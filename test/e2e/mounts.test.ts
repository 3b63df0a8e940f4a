// What hints mount in the chroot: below /mnt, /tmp and /run too, and what is told where it cannot be.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { leftovers, readFromImage } from '../rig/host-state.ts';
import { TestProject } from '../rig/project.ts';
import { runAsRoot } from '../rig/root.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

const TWO_PARTITIONS = tinyDisk({
  more: 'umount "$root"; mkfs.ext4 -q "$3p2"; mount "$3p1" "$root"; ln -s run "$root/var.run"',
}).replace('type=linux\\n', 'size=64M,type=linux\\ntype=linux\\n');

test('layers, partitions and caches are seen below /mnt, /tmp, /run and /dev, whatever vlb puts there', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': TWO_PARTITIONS,
    'layers/20_tool/build-layer': buildLayer('echo made by tool > /tool'),
    'layers/30_app/build-layer': buildLayer(
      `cat /mnt/tool/tool /mnt/own /mnt/tool/etc/os-release /var.run/in/file /tmp/cache/left 2>&1 || true
if touch /mnt/tool/x 2>/dev/null; then exit 1; fi
echo kept > /tmp/data/kept; echo left > /tmp/cache/left; echo x > /dev/shm/c/x; cat /mnt/tool/etc/passwd | wc -l; ls /tmp; cat /tmp/data/deep/tool`,
      `# vlb: from base
# vlb: mount tool /mnt/tool
# chroot-mount p2 /tmp/data
# vlb: mount tool /tmp/data/deep
# chroot-bind-mount in /var.run/in
# vlb: cache-dir /tmp/cache
# vlb: cache-dir /dev/shm/c`,
    ),
    'layers/30_app/own': 'own\n',
    'layers/30_app/in/file': 'in\n',
  });
  const built = await project.build();
  assert.equal(built.status, 0, built.told);
  assert.equal(
    built.output,
    "made by tool\nown\nID=tiny\nin\ncat: can't open '/tmp/cache/left': No such file or directory\n1\ncache\ndata\nmade by tool",
  );
  const scratch = path.dirname(project.directory);
  const image = project.path('build/30_app.qcow2');
  assert.equal(
    readFromImage(image, scratch, '/kept', 65 * 1024 * 1024),
    'kept\n',
    'the partition is written',
  );
  assert.equal(readFromImage(image, scratch, '/deep', 65 * 1024 * 1024), undefined);
  for (const place of ['/mnt', '/tmp', '/run', '/dev']) {
    assert.equal(readFromImage(image, scratch, place), undefined, place);
  }
  const again = await project.build(['--force=app']);
  assert.match(again.output, /^left$/m);
  assert.deepEqual(leftovers(project), []);
});

test('a partition at /tmp itself, and one through a link of the image into /run', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': TWO_PARTITIONS,
    'layers/20_a/build-layer': buildLayer('echo a > /tmp/a', '# chroot-mount p2 /tmp'),
    'layers/30_b/build-layer': buildLayer('cat /run/deep/p2/a', '# chroot-mount p2 /var.run/deep/p2'),
  });
  const built = await project.build();
  assert.equal(built.output, 'a', built.told);
  assert.deepEqual(leftovers(project), []);
});

test('what cannot be mounted is told with the line of its hint', async (t) => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk({ more: 'echo x > "$root/file"; mkdir "$root/dir"' }),
    'layers/20_app/dir/file': '',
    'layers/20_app/file': '',
  });
  for (const [hint, wanted, says] of [
    [
      '# chroot-bind-mount dir /file',
      1,
      /^cannot use this as a mount point: \/file in the image is not a directory$/,
    ],
    ['# chroot-bind-mount dir /file/x', 1, /\/file in the image is not a directory$/],
    ['# chroot-bind-mount file /dir', 1, /\/dir in the image is a directory$/],
    ['# chroot-mount p1 /file', 1, /\/file in the image is not a directory$/],
    ['# vlb: mount base /file', 1, /\/file in the image is not a directory$/],
    ['# chroot-mount p7 /data', 1, /^partition 7 has no file system to mount at \/data$/],
    ['# chroot-bind-mount missing /x', 2, /^the bind mount of missing: this input does not exist$/],
    [
      '# chroot-bind-mount ../.. /x',
      2,
      /^the bind mount of \.\.\/\.\. includes .*\/\.vlb, which vlb writes to$/,
    ],
    ['# chroot-bind-mount ../../build /x', 2, /includes .*\/build, which vlb writes to$/],
    [
      '# chroot-mount p1 /mnt',
      2,
      /^the hint chroot-mount cannot mount at \/mnt, which holds the layer's own files/,
    ],
    ['# vlb: mount base /proc/x', 2, /^the hint mount cannot mount at \/proc\/x/],
  ] as const) {
    await t.test(hint, async () => {
      project.write({ 'layers/20_app/build-layer': buildLayer('true', `#\n${hint}`) });
      const { status, stderr } = await project.vlb(['build', '--progress', 'plain']);
      assert.equal(status, wanted, stderr);
      const [, message = '', place] = /^error: (.*)\n\s+at (.*)$/m.exec(stderr) ?? [];
      assert.match(message, says, stderr);
      assert.match(place ?? '', /20_app\/build-layer:3$/);
    });
  }
});

test('a bind mount over a file of the layer, of another type, is no failure of the script', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_app/build-layer': buildLayer('true', '# chroot-bind-mount ../dir /mnt/file'),
    'layers/20_app/file': '',
    'layers/dir/x': '',
  });
  const built = await project.build();
  assert.equal(built.status, 3, built.told);
  assert.equal(built.finished?.failure?.message, 'cannot set up the chroot');
  assert.match(built.finished?.failure?.detail?.join('\n') ?? '', /File exists|not a directory/i);
});

test('scripts run though the project is on a file system from which nothing can be executed', async () => {
  await using around = new TestProject({});
  const place = around.path('noexec');
  mkdirSync(place);
  runAsRoot('mount', '-t', 'tmpfs', '-o', 'noexec,nosuid,nodev,mode=1777', 'tmpfs', place);
  try {
    around.write({
      'noexec/layers/10_base/modify-disk': tinyDisk({ more: '[ -f modify-disk ]' }),
      'noexec/layers/20_app/build-layer': buildLayer(
        './other; /opt/tools/run; /opt/run',
        '# chroot-bind-mount ../../tools /opt/tools\n# chroot-bind-mount ../../tools/run /opt/run',
      ),
      'noexec/tools/run': '#!/bin/sh\necho tool',
      'noexec/layers/20_app/other': '#!/bin/sh\necho other',
    });
    for (const name of ['layers/20_app/other', 'tools/run'])
      execFileSync('chmod', ['+x', path.join(place, name)]);
    const built = await around.build(['-C', place]);
    assert.equal(built.output, 'other\ntool\ntool', built.told);
  } finally {
    runAsRoot('umount', place);
  }
});
