// vlb diff: what a layer did, told truly, on real disks.

import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readdirSync, readlinkSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { DiskDiff } from '../../src/model/disk-diff.ts';
import { encodeName } from '../../src/model/file-name.ts';
import { trueDifferences } from '../rig/disk-truth.ts';
import { leftovers } from '../rig/host-state.ts';
import { run, TestProject, VLB } from '../rig/project.ts';
import { buildLayer, type TinyOptions, tinyDisk } from '../rig/tiny.ts';

const stanza = (name: string, version: string) =>
  `Package: ${name}\\nStatus: install ok installed\\nArchitecture: amd64\\nVersion: ${version}\\n\\n`;

/** What the layer finds. The system takes setfattr along, to set attributes inside. */
const BASE = `
mkdir -p "$root/var/lib/dpkg" "$root/usr/lib/old" "$root/srv"
printf '${stanza('tiny', '1.9-1')}${stanza('gone', '2')}' > "$root/var/lib/dpkg/status"
for file in /usr/bin/setfattr $(ldd /usr/bin/setfattr | grep -o '/[^ ]*'); do
  mkdir -p "$root\${file%/*}"
  cp -L "$file" "$root$file"
done
cd "$root/srv"
for name in mode owner content same-size touched rewritten attribute capability acl type; do echo "$name" > $name; done
touch -d @1000000000 same-size
setfattr -n user.dropped -v 1 attribute
setfattr -n user.kept -v 1 attribute
ln -s content link
ln -s mode "$(printf 'odd\\nlink')"
mknod device c 1 3
echo gone > ../usr/lib/old/file
echo one > linked
ln linked linked-too
cd /
`;

const LAYER = buildLayer(`
for tool in chown mkfifo mknod truncate; do ln -s busybox /bin/$tool; done
printf '${stanza('tiny', '1.10-1')}${stanza('new', '3')}' > /var/lib/dpkg/status
cd /srv
chmod 4755 mode
chown 12:34 owner
echo more >> content
echo same-sizE > same-size
touch -d @1000000000 same-size
touch touched
cp rewritten copy
mv copy rewritten
setfattr -x user.dropped attribute
setfattr -n security.capability -v 0x0100000200200000000000000000000000000000 capability
setfattr -n system.posix_acl_access -v 0x0200000001000600ffffffff02000400e803000004000400ffffffff10000400ffffffff20000400ffffffff acl
rm type
mkdir type
rm link
ln -s mode link
rm device
mknod device c 1 5
rm -r /usr/lib/old
dd if=/dev/zero of=large bs=1024 count=3072 2>/dev/null
ln large large-too
ln linked linked-three
echo x > "$(printf 'a\\nb')"
echo x > "$(printf 'caf\\351')"
truncate -s 100M holes
mkfifo pipe
mkdir -p new/deep
echo deep > new/deep/file
`);

const GOLDEN = `packages: 1 added, 1 removed, 1 upgraded
  removed   gone  2
  added     new   3
  upgraded  tiny  1.9-1 → 1.10-1
files: 12 added, 1 removed, 11 changed
  added    100 MiB  /srv/holes
  added    3.0 MiB  /srv/large
  changed    154 B  /var/lib/dpkg/status  (content)
  changed     13 B  /srv/content  (content)
  changed     10 B  /srv/same-size  (content)
  added        5 B  /srv/new/deep/file
  removed      5 B  /usr/lib/old/file
  added        2 B  "/srv/a\\nb"
  added        2 B  "/srv/caf\\351"
  added             /bin/chown -> busybox
  added             /bin/mkfifo -> busybox
  added             /bin/mknod -> busybox
  added             /bin/truncate -> busybox
  changed           /srv/acl  (ACL added)
  changed           /srv/attribute  (attribute user.dropped removed)
  changed           /srv/capability  (capabilities added)
  changed           /srv/device  (device number 1:3 → 1:5)
  added             /srv/large-too  (hard link to /srv/large)
  changed           /srv/link  (link target content → mode)
  added             /srv/linked-three  (hard link to /srv/linked)
  changed           /srv/mode  (mode 0644 → 4755)
  changed           /srv/owner  (owner 0:0 → 12:34)
  added             /srv/pipe
  changed           /srv/type/  (file → directory, mode 0644 → 0755)
`;

const project = (options: TinyOptions = {}, layer = LAYER) =>
  new TestProject({
    'layers/10_base/modify-disk': tinyDisk({ ...options, more: `${BASE}${options.more ?? ''}` }),
    'layers/20_app/build-layer': layer,
  });

/** The paths of a diff as lines of `trueDifferences`. */
function told(diff: DiskDiff): string[] {
  return diff.files
    .map(({ change, path: name }) => `${change} ${encodeName(name).toString('latin1')}`)
    .sort();
}

test('what a layer did: each kind of change, names of any kind, and packages', async (t) => {
  // Three seconds of age make it known without a reading that most files were not touched.
  await using made = project({ more: 'sleep 3; echo late > "$root/late"' });
  assert.equal((await made.build()).status, 0);
  await t.test('for people', async () => {
    assert.deepEqual(await made.vlb(['diff', 'app']), { status: 0, stdout: GOLDEN, stderr: '' });
  });
  await t.test('in short', async () => {
    const { stdout } = await made.vlb(['diff', 'app', '--stat']);
    assert.equal(
      stdout,
      `packages: 1 added, 1 removed, 1 upgraded
 /srv     | 18  103 MiB ++++++++~~~~~~~~~~
 /var/lib |  1    154 B ~
 /usr/lib |  1      5 B -
 /bin     |  4      0 B ++++
files: 12 added, 1 removed, 11 changed, 103 MiB
`,
    );
  });
  await t.test('for programs, and true', async () => {
    const { stdout, status } = await made.vlb(['diff', '10', '20', '--json']);
    assert.equal(status, 0);
    const diff: DiskDiff = JSON.parse(stdout);
    const images = ['10_base', '20_app'].map((name) => made.path(`build/${name}.qcow2`));
    assert.deepEqual(
      told(diff),
      trueDifferences(images[0] ?? '', images[1] ?? '', path.dirname(made.directory)),
    );
    assert.deepEqual([diff.before, diff.after, diff.notes], ['10_base', '20_app', []]);
    assert.deepEqual(diff.packages[2], {
      change: 'upgraded',
      database: 'dpkg',
      name: 'tiny',
      architecture: 'amd64',
      before: '1.9-1',
      after: '1.10-1',
    });
    const mode = diff.files.find((file) => file.path === '/srv/mode');
    assert.deepEqual(mode, {
      path: '/srv/mode',
      bytes: 0,
      change: 'changed',
      before: { type: 'file', mode: '0644', uid: 0, gid: 0, size: 5 },
      after: { type: 'file', mode: '4755', uid: 0, gid: 0, size: 5 },
      what: [{ aspect: 'mode', before: '0644', after: '4755' }],
    });
  });
  await t.test('the other way round', async () => {
    const { stdout } = await made.vlb(['diff', '20', '10']);
    assert.match(stdout, /^ {2}removed +3\.0 MiB {2}\/srv\/large$/m);
    assert.match(stdout, /^ {2}downgraded {2}tiny {2}1\.10-1 → 1\.9-1$/m);
  });
  assert.deepEqual(leftovers(made), []);
});

for (const fileSystem of ['xfs', 'btrfs'] as const) {
  test(`on ${fileSystem}`, async () => {
    await using made = project({ fileSystem, size: '512M' });
    assert.equal((await made.build()).status, 0);
    const { stdout } = await made.vlb(['diff', 'app', '--json']);
    const images = ['10_base', '20_app'].map((name) => made.path(`build/${name}.qcow2`));
    assert.deepEqual(
      told(JSON.parse(stdout)),
      trueDifferences(images[0] ?? '', images[1] ?? '', path.dirname(made.directory)),
    );
    assert.deepEqual(leftovers(made), []);
  });
}

test('disks by all their names: what is compared is the same', async (t) => {
  await using made = project();
  assert.equal((await made.build()).status, 0);
  const image = made.path('build/20_app.qcow2');
  const digest = path.basename(readlinkSync(image)).slice(0, 8);
  const parent = path.basename(readlinkSync(made.path('build/10_base.qcow2'))).slice(0, 8);
  const elsewhere = path.join(path.dirname(made.directory), 'elsewhere');
  mkdirSync(elsewhere);
  for (const format of ['qcow2', 'raw']) {
    const copy = path.join(elsewhere, `flat.${format}`);
    const done = await run('qemu-img', ['convert', '-O', format, image, copy]);
    assert.equal(done.status, 0, done.stderr);
  }
  const expected = (await made.vlb(['diff', 'app'])).stdout;
  for (const words of [
    ['20_app'],
    ['layers/20_app/'],
    ['10_base', 'app'],
    [digest],
    [parent, digest],
    ['build/image.qcow2'],
    ['base', '../elsewhere/flat.qcow2'],
    ['base', '../elsewhere/flat.raw'],
  ]) {
    await t.test(words.join(' '), async () => {
      assert.deepEqual(await made.vlb(['diff', ...words]), { status: 0, stdout: expected, stderr: '' });
    });
  }
  await t.test('nothing differs', async () => {
    const { stdout, status } = await made.vlb(['diff', 'app', '../elsewhere/flat.raw']);
    assert.deepEqual([stdout, status], ['20_app and ../elsewhere/flat.raw hold the same files\n', 0]);
    assert.equal((await made.vlb(['diff', 'app', 'app'])).stdout, '20_app and 20_app hold the same files\n');
  });
  await t.test('image files alone need no project, and make none', async () => {
    const { stdout, status, stderr } = await run(VLB, ['diff', 'flat.raw', 'flat.qcow2'], { cwd: elsewhere });
    assert.deepEqual([stdout, status], ['flat.raw and flat.qcow2 hold the same files\n', 0], stderr);
    assert.deepEqual(readdirSync(elsewhere).sort(), ['flat.qcow2', 'flat.raw']);
  });
  await t.test('a disk that stands on nothing is all added', async () => {
    const { stdout } = await made.vlb(['diff', 'base', '--json']);
    const diff: DiskDiff = JSON.parse(stdout);
    assert.equal(diff.before, 'nothing');
    assert.ok(diff.files.every((file) => file.change === 'added'));
    assert.ok(diff.files.some((file) => file.path === '/srv/linked'));
    assert.deepEqual(
      diff.packages.map(({ name }) => name),
      ['gone', 'tiny'],
    );
  });
  assert.deepEqual(leftovers(made), []);
});

test('the text of one file', async (t) => {
  const layer = buildLayer(`
ln -s / /srv/root
ln -s /../../../.. /srv/out
printf '\\0\\377' > /srv/owner
rm /srv/link; ln -s mode /srv/link
echo 'more' >> /srv/content
rm /srv/mode`);
  await using made = project({}, layer);
  assert.equal((await made.build()).status, 0);
  const text = (file: string) => made.vlb(['diff', 'app', '--text', file]);
  const change = (name: string) => `--- a/${name}\n+++ b/${name}\n`;
  for (const [file, expected] of [
    ['/srv/content', `${change('srv/content')}@@ -1 +1,2 @@\n content\n+more\n`],
    ['srv/content', `${change('srv/content')}@@ -1 +1,2 @@\n content\n+more\n`],
    ['/srv/mode', '--- a/srv/mode\n+++ /dev/null\n@@ -1 +0,0 @@\n-mode\n'],
    ['/srv/touched', ''],
    ['/srv/owner', 'Binary files a/srv/owner and b/srv/owner differ\n'],
    [
      '/srv/link',
      `${change('srv/link')}@@ -1 +1 @@\n-content\n\\ No newline at end of file\n+mode\n\\ No newline at end of file\n`,
    ],
    // The image's links lead nowhere but into the image.
    ['/srv/out/etc/os-release', '--- /dev/null\n+++ b/srv/out/etc/os-release\n@@ -0,0 +1 @@\n+ID=tiny\n'],
    ['/srv/root/etc/os-release', '--- /dev/null\n+++ b/srv/root/etc/os-release\n@@ -0,0 +1 @@\n+ID=tiny\n'],
  ] as const) {
    await t.test(file, async () => {
      assert.deepEqual(await text(file), { status: 0, stdout: expected, stderr: '' });
    });
  }
  for (const [file, message] of [
    ['/etc/hostname', 'error: neither 10_base nor 20_app has a file /etc/hostname\n'],
    ['/srv', 'error: /srv is a directory in 10_base\n  help: --text shows one file\n'],
    [
      '/srv/device',
      'error: /srv/device is a device, a pipe or a socket in 10_base\n  help: --text shows one file\n',
    ],
    ['/..', 'error: /.. is a directory in 10_base\n  help: --text shows one file\n'],
  ] as const) {
    await t.test(`no text: ${file}`, async () => {
      assert.deepEqual(await text(file), { status: 2, stdout: '', stderr: message });
    });
  }
  assert.deepEqual(leftovers(made), []);
});

test('a shell sees both disks, and can change neither', async () => {
  await using made = project();
  assert.equal((await made.build()).status, 0);
  const commands = `ls; cat a/srv/content b/srv/content; for d in a b; do touch $d/new; mkdir $d/etc/new; rm $d/srv/content; done; exit 7`;
  const script = `printf '%s\\n' "$1" | "$2" diff app --shell`;
  const ended = await run('sh', ['-c', script, 'sh', commands, VLB], {
    cwd: made.directory,
    env: { SHELL: '/bin/sh' },
  });
  assert.equal(ended.stdout, 'a\nb\ncontent\ncontent\nmore\n', ended.stderr);
  assert.equal(ended.status, 0, 'how the shell ends is the person’s business');
  assert.equal(ended.stderr.match(/Read-only file system/g)?.length, 6, ended.stderr);
  assert.equal((await made.vlb(['diff', 'app'])).stdout, GOLDEN);
  assert.deepEqual(leftovers(made), []);
});

test('a shell on btrfs is refused, since the kernel would show one disk twice', async () => {
  await using made = project({ fileSystem: 'btrfs', size: '512M' }, buildLayer('true'));
  assert.equal((await made.build()).status, 0);
  const { status, stderr } = await made.vlb(['diff', 'app', '--shell']);
  assert.equal(status, 3);
  assert.match(stderr, /^error: 10_base and 20_app are on btrfs, and cannot be mounted both$/m);
  assert.deepEqual(leftovers(made), []);
});

test('partitions that the layer mounts are compared too, at their places', async () => {
  const disk = `#!/bin/sh
# vlb: from scratch
# vlb: disk-size 256M
set -eu
printf 'label: gpt\\nsize=100M,type=linux\\nsize=50M,type=linux\\n' | sfdisk -q "$3"
partx --update "$3"
mkfs.ext4 -q "\${3}p1"
mkfs.ext2 -q "\${3}p2"
mkdir "$TMPDIR/root"
mount "\${3}p1" "$TMPDIR/root"
mkdir -p "$TMPDIR/root/bin" "$TMPDIR/root/etc"
cp /bin/busybox "$TMPDIR/root/bin/sh"
echo ID=tiny > "$TMPDIR/root/etc/os-release"
umount "$TMPDIR/root"
mount "\${3}p2" "$TMPDIR/root"
echo one > "$TMPDIR/root/kept"
echo one > "$TMPDIR/root/rewritten"
umount "$TMPDIR/root"
`;
  // The mount point is in neither image.
  const layer = buildLayer(
    'cd /boot/efi; echo two > other; echo two > rewritten',
    '# chroot-mount p2 /boot/efi',
  );
  await using made = new TestProject({
    'layers/10_base/modify-disk': disk,
    'layers/20_app/build-layer': layer,
  });
  const built = await made.build();
  assert.equal(built.status, 0, built.told);
  const { stdout } = await made.vlb(['diff', 'app']);
  assert.equal(
    stdout,
    `files: 1 added, 1 changed
  added    4 B  /boot/efi/other
  changed  4 B  /boot/efi/rewritten  (content)
`,
  );
  assert.deepEqual(leftovers(made), []);
});

test('a modify-disk can change a file and leave all its times: behind one, everything is read', async () => {
  const rewrite = `#!/bin/sh
# vlb: disk-size 256M
set -eu
partx --update "$3"
block=$(debugfs -R 'blocks /etc/hidden' "\${3}p1" 2>/dev/null)
size=$(dumpe2fs -h "\${3}p1" 2>/dev/null | sed -n 's/^Block size: *//p')
printf 'after!\n' | dd of="\${3}p1" bs="$size" seek=$((block)) conv=notrunc 2>/dev/null
`.replaceAll('\\n', '\n');
  await using made = new TestProject({
    'layers/10_base/modify-disk': tinyDisk({
      more: 'echo before > "$root/etc/hidden"; sleep 3; echo late > "$root/late"',
    }),
    'layers/20_app/modify-disk': rewrite,
    'layers/30_end/build-layer': buildLayer('true'),
  });
  const built = await made.build();
  assert.equal(built.status, 0, built.told);
  const expected = 'files: 1 changed\n  changed  7 B  /etc/hidden  (content)\n';
  for (const words of [['app'], ['base', 'end']]) {
    assert.equal((await made.vlb(['diff', ...words])).stdout, expected, words.join(' '));
  }
  assert.deepEqual(leftovers(made), []);
});

test('the databases of rpm are given to rpm, as copies', async () => {
  const list = (version: string) =>
    `mkdir -p "$root/usr/lib/sysimage/rpm"; echo ${version} > "$root/usr/lib/sysimage/rpm/rpmdb.sqlite"`;
  await using made = new TestProject({
    'layers/10_base/modify-disk': tinyDisk({ more: list('1.0-1') }),
    'layers/20_app/build-layer': buildLayer(list('1.0-2').replaceAll('$root', '')),
  });
  assert.equal((await made.build()).status, 0);
  const bin = path.join(path.dirname(made.directory), 'bin');
  mkdirSync(bin);
  // A stand-in for rpm: the packages are what the database's file says.
  const stand = `#!/bin/sh\nfor word; do case $word in --dbpath=*) version=$(cat "\${word#*=}/rpmdb.sqlite") ;; esac; done
printf 'bash\\t%s\\tx86_64\\nsame\\t1\\tnoarch\\n' "$version"\n`;
  writeFileSync(path.join(bin, 'rpm'), stand);
  chmodSync(path.join(bin, 'rpm'), 0o755);
  const { stdout, stderr } = await made.vlb(['diff', 'app'], {
    env: { PATH: `${bin}:${process.env['PATH']}` },
  });
  assert.equal(stderr, '');
  assert.match(stdout, /^packages: 1 upgraded\n {2}upgraded {2}bash {2}1\.0-1 → 1\.0-2\nfiles: 1 changed\n/);
});

test('what is wrong is told', async (t) => {
  await using made = project();
  const cases: readonly [string, readonly string[], number, string][] = [
    ['not built', ['app'], 2, 'error: 20_app is not built yet\n  help: vlb build 20_app first\n'],
    ['no such layer', ['20_ap'], 2, 'error: no layer is called "20_ap"\n  help: did you mean 20_app?\n'],
    [
      'no such digest',
      ['deadbeef'],
      2,
      'error: no layer is called "deadbeef"\n  help: the layers are 10_base, 20_app\n',
    ],
    [
      'no such file',
      ['x.qcow2', 'y.qcow2'],
      2,
      'error: there is no such image\n  at y.qcow2\n  help: vlb build makes one\n',
    ],
    [
      'no image',
      ['layers/10_base/modify-disk', 'app.gz'],
      2,
      'error: this cannot be compared: it is compressed with gzip\n  at app.gz\n  help: unpack it first\n',
    ],
    [
      'nothing on it',
      ['empty.raw', 'empty.raw'],
      2,
      'error: no operating system was found on the disk\n  at empty.raw\n',
    ],
    [
      'two ways at once',
      ['app', '--json', '--stat'],
      2,
      'error: arguments stat and json are mutually exclusive\n',
    ],
    [
      'no word',
      [],
      2,
      'error: vlb diff wants another argument, its name or value\n  help: see vlb diff --help\n',
    ],
  ];
  writeFileSync(made.path('app.gz'), Buffer.from('1f8b080000', 'hex'));
  writeFileSync(made.path('empty.raw'), Buffer.alloc(1024 * 1024));
  for (const [name, words, status, message] of cases) {
    await t.test(name, async () => {
      const ended = await made.vlb(['diff', ...words]);
      assert.equal(ended.stdout, '');
      assert.ok(ended.stderr.startsWith(message), ended.stderr);
      assert.equal(ended.status, status);
    });
  }
  await t.test('the artifact is gone', async () => {
    assert.equal((await made.build()).status, 0);
    rmSync(made.path('.vlb/store/sha256', path.basename(readlinkSync(made.path('build/20_app.qcow2')))));
    const { stderr, status } = await made.vlb(['diff', 'app']);
    assert.equal(
      stderr,
      'error: the artifact of 20_app is gone from the store\n  help: vlb build 20_app first\n',
    );
    assert.equal(status, 2);
  });
  assert.deepEqual(leftovers(made), []);
});

test('however it ends, it gives everything back', async () => {
  await using made = project({
    more: 'dd if=/dev/urandom of="$root/large" bs=1M count=150 2>/dev/null',
    size: '512M',
  });
  assert.equal((await made.build()).status, 0);
  const runs = made.path('.vlb/runs');
  for (const [signal, status] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGKILL', null],
  ] as const) {
    const child = spawn(VLB, ['diff', 'base', 'app'], { cwd: made.directory, stdio: 'ignore' });
    const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
    while (!readdirSync(runs).some((name) => hasDisk(path.join(runs, name)))) await sleep(2);
    child.kill(signal);
    assert.equal(await ended, status, signal);
    if (signal !== 'SIGKILL') assert.deepEqual(leftovers(made), [], signal);
  }
  // What a killed one left, the next one clears away, once the kernel has ended its namespaces.
  for (
    let tries = 0;
    tries < 100 && leftovers(made).some((found) => /process|attached/.test(found));
    tries++
  ) {
    await sleep(50);
  }
  assert.equal((await made.vlb(['diff', 'app'])).status, 0);
  assert.deepEqual(leftovers(made), []);
});

function hasDisk(directory: string): boolean {
  try {
    return readdirSync(directory).some((name) => name.startsWith('disk-'));
  } catch {
    return false;
  }
}
