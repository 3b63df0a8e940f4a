// What a build-layer sees around it, and that nothing of it remains in the image.

import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { checkFileSystem, leftovers, readFromImage } from '../rig/host-state.ts';
import { TestProject } from '../rig/project.ts';
import { buildLayer, copyTools, tinyDisk, tinyDiskWithoutTable } from '../rig/tiny.ts';

test('the chroot has its own processes, a minimal /dev, fresh /tmp and /run, a clean environment and the staged inputs', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_app/build-layer': buildLayer(`
echo "pid $$"
echo "cwd $(pwd)"
echo "host $(hostname)"
echo "dev $(ls /dev | sort | tr '\\n' ' ')"
echo "tmp $(ls -A /tmp | wc -l)"
echo "env $(env | cut -d= -f1 | sort | tr '\\n' ' ')"
echo "mode $(stat -c '%a %u %Y' data) $(stat -c %a tool)"
echo "root $(ls /proc/1/root/ | grep -c layers || true)"
if touch /sys/kernel/x 2>/dev/null; then echo 'sys writable'; fi
echo written > /mnt/data
mount -t tmpfs tmpfs /root
setsid sleep 1000 >/dev/null 2>&1 &
`).replace('set -eu', 'set -eu; for t in tr cut sort; do ln -sf busybox /bin/$t; done'),
    'layers/20_app/data': 'data\n',
    'layers/20_app/tool': '#!/bin/sh\n',
  });
  const built = await project.build([], {
    env: { SECRET_OF_THE_HOST: '1', http_proxy: 'http://proxy.invalid:1' },
  });
  assert.equal(built.status, 0, built.told);
  const told = new Map(built.output.split('\n').map((line) => [line.split(' ')[0] ?? '', line.trim()]));
  assert.notEqual(told.get('pid'), 'pid 1', 'a shell of the image is, which handles signals and reaps');
  assert.equal(told.get('cwd'), 'cwd /mnt');
  assert.equal(told.get('host'), 'host localhost');
  // Where the disk's name is in the order depends on the backend.
  assert.equal(
    told.get('dev')?.replace(/(\w+\d) \1p1 /, ''),
    'dev disk fd full null ptmx pts random shm stderr stdin stdout tty urandom zero',
  );
  assert.equal(told.get('tmp'), 'tmp 0');
  assert.equal(
    told.get('env'),
    'env APT_LISTCHANGES_FRONTEND DEBCONF_NONINTERACTIVE_SEEN DEBIAN_FRONTEND DPKG_FORCE HOME LANG NEEDRESTART_SUSPEND PATH PWD SHLVL SOURCE_DATE_EPOCH SYSTEMD_IN_CHROOT SYSTEMD_OFFLINE TERM UCF_FORCE_CONFFOLD VLB VLB_DISK VLB_ROOT_PARTITION http_proxy',
  );
  assert.equal(told.get('mode'), 'mode 644 0 1577836800 644');
  assert.equal(told.get('root'), 'root 0');
  assert.equal(built.output.includes('sys writable'), false);
  assert.equal(readFileSync(project.path('layers/20_app/data'), 'utf8'), 'data\n', 'the source is untouched');
  assert.deepEqual(leftovers(project), []);
});

test('a script may replace the file with the name servers, which is otherwise as it was', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk({ more: copyTools('chattr') }),
    'layers/20_link/build-layer': buildLayer(`
mv /etc/resolv.conf /etc/backup
ln -s ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf
test -s /etc/resolv.conf # so names are still found`),
    'layers/30_look/build-layer': buildLayer(
      'test ! -s /etc/backup; readlink /etc/resolv.conf; rm /etc/resolv.conf; test ! -e /etc/backup',
    ),
    'layers/40_own/build-layer': buildLayer(
      'test -s /etc/resolv.conf; rm /etc/resolv.conf; echo own > /etc/resolv.conf',
    ),
    'layers/50_copy/build-layer': buildLayer(
      '! grep own /etc/resolv.conf; cp /etc/resolv.conf /etc/copy; mv /etc/copy /etc/resolv.conf',
    ),
    'layers/60_edit/build-layer': buildLayer('/opt/chattr +i /etc/resolv.conf'),
    'layers/70_none/build-layer': buildLayer('/opt/chattr -i /etc/resolv.conf; rm /etc/resolv.conf'),
    'layers/80_seal/build-layer': buildLayer(
      'rm /etc/resolv.conf; echo own > /etc/resolv.conf; /opt/chattr +i /etc/resolv.conf',
    ),
    'layers/90_sealed/build-layer': buildLayer('test -s /etc/resolv.conf; ! grep own /etc/resolv.conf'),
  });
  const built = await project.build();
  assert.equal(built.status, 0, built.told);
  assert.equal(built.output, '../run/systemd/resolve/stub-resolv.conf');
  const read = (layer: string) =>
    readFromImage(project.path(`build/${layer}.qcow2`), path.dirname(project.directory), '/etc/resolv.conf');
  for (const layer of ['30_look', '70_none']) assert.equal(read(layer), undefined, layer);
  for (const layer of ['40_own', '50_copy', '60_edit', '90_sealed'])
    assert.equal(read(layer), 'own\n', layer);
  assert.deepEqual(leftovers(project), []);
});

test('nothing of the chroot remains in the image, whatever was there before', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk({
      more: 'mkdir "$root/proc"; mkdir -p "$root/var/lib/dpkg" "$root/usr/sbin"',
    }),
    'layers/20_app/build-layer': buildLayer(`
/usr/sbin/policy-rc.d && exit 1
test -s /etc/resolv.conf
`),
    'layers/30_look/build-layer': buildLayer(
      'find / -xdev | sort; test ! -e /etc/hostname',
      '# nocache',
    ).replace('set -eu', 'set -eu; ln -sf busybox /bin/sort'),
  });
  const built = await project.build();
  assert.equal(built.status, 0, built.told);
  const scratch = path.dirname(project.directory);
  const image = project.path('build/20_app.qcow2');
  assert.equal(readFromImage(image, scratch, '/etc/resolv.conf'), undefined);
  assert.equal(readFromImage(image, scratch, '/usr/sbin/policy-rc.d'), undefined);
  for (const place of ['/mnt', '/dev', '/sys', '/tmp', '/run']) {
    assert.equal(readFromImage(image, scratch, place), undefined, place);
  }
  assert.notEqual(readFromImage(image, scratch, '/proc'), undefined, 'what was there stays');
});

test("the image's symbolic links are followed inside the image alone", async (t) => {
  const outside = path.join('/tmp', `vlb-outside-${process.pid}`);
  mkdirSync(outside);
  t.after(() => rmSync(outside, { recursive: true }));
  writeFileSync(path.join(outside, 'resolv.conf'), 'untouched\n');
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk({
      more: `
ln -s ${outside}/resolv.conf "$root/etc/resolv.conf"
ln -s ${outside}/mnt "$root/mnt"
ln -s ../../../../..${outside}/run "$root/run"
mkdir -p "$root/real/tmp"; ln -s /real/tmp "$root/tmp"`,
    }),
    'layers/20_app/build-layer': buildLayer(
      'test -s /etc/resolv.conf; echo x > /tmp/x; echo y > /run/y; pwd; ls',
    ),
  });
  const built = await project.build();
  assert.equal(built.status, 0, built.told);
  assert.equal(readFileSync(path.join(outside, 'resolv.conf'), 'utf8'), 'untouched\n');
  assert.deepEqual(readdirSync(outside), ['resolv.conf']);
  assert.match(built.output, /build-layer/);
  assert.equal(checkFileSystem(project.path('build/image.qcow2'), path.dirname(project.directory)), '');
  const scratch = path.dirname(project.directory);
  assert.equal(readFromImage(project.path('build/image.qcow2'), scratch, outside), undefined);
});

test('systems on xfs, on btrfs, and on a disk without a partition table are found', async (t) => {
  for (const [name, disk] of [
    ['xfs', tinyDisk({ fileSystem: 'xfs', size: '400M' })],
    ['btrfs', tinyDisk({ fileSystem: 'btrfs', size: '256M' })],
    [
      'btrfs with the root in a subvolume',
      tinyDisk({
        fileSystem: 'btrfs',
        size: '256M',
        empty: true,
        more: 'btrfs -q subvolume create "$root/@"; fill "$root/@"',
      }),
    ],
    ['no table', tinyDiskWithoutTable()],
  ] as const) {
    await t.test(name, async () => {
      await using project = new TestProject({
        'layers/10_base/modify-disk': disk,
        'layers/20_app/build-layer': buildLayer('cat /etc/os-release; echo kept > /kept'),
        'layers/30_app/build-layer': buildLayer('cat /kept'),
      });
      const built = await project.build();
      assert.equal(built.status, 0, built.told);
      assert.match(built.output, /ID=tiny\nkept/);
      assert.deepEqual(leftovers(project), []);
    });
  }
});

test('a second partition is mounted where chroot-mount says, and root-partition chooses between two systems', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': `#!/bin/sh
# vlb: from scratch
# vlb: disk-size 200M
set -eu
printf 'label: gpt\\nsize=100M\\ntype=linux\\n' | sfdisk -q "$3"
partx --update "$3"
for n in 1 2; do
  mkfs.ext4 -q "\${3}p$n"
  mkdir "$TMPDIR/$n"; mount "\${3}p$n" "$TMPDIR/$n"
  mkdir "$TMPDIR/$n/bin" "$TMPDIR/$n/etc"
  cp /bin/busybox "$TMPDIR/$n/bin/"
  for tool in sh cat echo ls; do ln -s busybox "$TMPDIR/$n/bin/$tool"; done
  echo "ID=system$n" > "$TMPDIR/$n/etc/os-release"
  umount "$TMPDIR/$n"
done
`,
    'layers/20_app/build-layer': buildLayer(
      'cat /etc/os-release; cat /data/other/etc/os-release; echo here > /data/other/here',
    ),
  });
  const ambiguous = await project.build();
  assert.equal(ambiguous.status, 1);
  assert.match(
    ambiguous.finished?.failure?.message ?? '',
    /partition 1 and partition 2 each hold an operating system/,
  );

  project.write({
    'layers/20_app/build-layer': buildLayer(
      'cat /etc/os-release; cat /data/other/etc/os-release; echo here > /data/other/here',
      '# vlb: root-partition 2\n# chroot-mount p1 /data/other',
    ),
  });
  const built = await project.build();
  assert.equal(built.output, 'ID=system2\nID=system1', built.told);
  const scratch = path.dirname(project.directory);
  assert.equal(readFromImage(project.path('build/image.qcow2'), scratch, '/here'), 'here\n');
  assert.deepEqual(leftovers(project), []);
});

test('what a bind mount brings in is an input: a copy, hashed, and thrown away', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_app/build-layer': buildLayer(
      'cat /opt/shared/a /etc/one; echo spoilt > /opt/shared/a; cp -r /opt/shared /kept',
      '# chroot-bind-mount ../shared /opt/shared\n# chroot-bind-mount ../one.conf /etc/one',
    ),
    'layers/shared/a': 'shared\n',
    'layers/one.conf': 'one\n',
  });
  symlinkSync('a', project.path('layers/shared/link'));
  const built = await project.build();
  assert.equal(built.output, 'shared\none', built.told);
  assert.equal(readFileSync(project.path('layers/shared/a'), 'utf8'), 'shared\n');
  const scratch = path.dirname(project.directory);
  assert.equal(readFromImage(project.path('build/image.qcow2'), scratch, '/kept/a'), 'spoilt\n');
  assert.equal(readFromImage(project.path('build/image.qcow2'), scratch, '/opt'), undefined);
  project.write({ 'layers/shared/a': 'changed\n' });
  assert.equal((await project.build()).outcomes, '10_base fresh, 20_app built');
});

test('what the script deleted does not stay in the delta', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_app/build-layer': buildLayer(
      'dd if=/dev/urandom of=/big bs=1M count=60 2>/dev/null; sync; rm /big',
    ),
  });
  const built = await project.build();
  assert.equal(built.status, 0, built.told);
  const { blocks } = statSync(project.path('build/20_app.qcow2'));
  assert.ok(blocks * 512 < 5 * 1024 * 1024, `${blocks * 512} bytes`);
});

test('a bind mount may lead into /mnt, and a line is told when it is printed', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_app/build-layer': buildLayer(
      'cat shared/a; sleep 1; echo end',
      '# chroot-bind-mount ../shared /mnt/shared',
    ),
    'layers/shared/a': 'shared\n',
  });
  let toldAt = 0;
  const built = await project.build([], {
    onStdout: (text) => {
      if (toldAt === 0 && text.includes('"line":"shared"')) toldAt = performance.now();
    },
  });
  assert.equal(built.output, 'shared\nend', built.told);
  assert.ok(performance.now() - toldAt > 900, 'before the script slept');
  assert.deepEqual(leftovers(project), []);
});

test('a host name is what a script sees, and nothing of it stays in the image, but what the script added to hosts', async () => {
  const look = 'hostname; cat /etc/hosts; ls /etc';
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk({ more: 'echo \'127.0.0.1 localhost own\' > "$root/etc/hosts"' }),
    'layers/20_app/build-layer': buildLayer(
      `${look}; echo x >> /etc/hosts`,
      '# vlb: hostname web.example.org',
    ),
    'layers/30_look/build-layer': buildLayer(`${look}; rm /etc/hosts`),
    'layers/40_none/build-layer': buildLayer(look, '# vlb: hostname web'),
    'layers/50_look/build-layer': buildLayer('ls /etc'),
  });
  const host = readFileSync('/proc/sys/kernel/hostname', 'utf8');
  const built = await project.build();
  assert.equal(built.status, 0, built.told);
  assert.equal(
    built.output,
    [
      'web.example.org\n127.0.1.1 web.example.org web\n127.0.0.1 localhost own',
      'hosts\nos-release\npasswd\nresolv.conf',
      'localhost\n127.0.0.1 localhost own\nx',
      'hosts\nos-release\npasswd\nresolv.conf',
      'web\n127.0.1.1 web\n127.0.0.1 localhost',
      'hosts\nos-release\npasswd\nresolv.conf',
      'os-release\npasswd\nresolv.conf',
    ].join('\n'),
  );
  assert.equal(readFileSync('/proc/sys/kernel/hostname', 'utf8'), host);
});
