// What the image's own fstab mounts from its disk, a layer sees as the booted system does.

import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { TestProject } from '../rig/project.ts';
import { buildLayer, partitionedDisk } from '../rig/tiny.ts';

let project: TestProject;

before(async () => {
  project = new TestProject({
    'layers/10_base/modify-disk': partitionedDisk(),
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
