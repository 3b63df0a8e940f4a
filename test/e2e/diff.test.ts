// vlb diff: what a layer did, told truly, on real disks.

import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type { DiskDiff } from '../../src/model/disk-diff.ts';
import { encodeName } from '../../src/util/file-name.ts';
import { GOLDEN, project } from '../rig/diff-project.ts';
import { trueDifferences } from '../rig/disk-truth.ts';
import { leftovers } from '../rig/host-state.ts';
import { run, TestProject, VLB } from '../rig/project.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

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
    assert.deepEqual([stdout, status], ['20_app and ../elsewhere/flat.raw contain the same files\n', 0]);
    assert.equal(
      (await made.vlb(['diff', 'app', 'app'])).stdout,
      '20_app and 20_app contain the same files\n',
    );
  });
  await t.test('image files alone need no project, and make none', async () => {
    const { stdout, status, stderr } = await run(VLB, ['diff', 'flat.raw', 'flat.qcow2'], { cwd: elsewhere });
    assert.deepEqual([stdout, status], ['flat.raw and flat.qcow2 contain the same files\n', 0], stderr);
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
    ['/srv', 'error: /srv is a directory in 10_base\n  help: use --text with a regular file\n'],
    [
      '/srv/device',
      'error: /srv/device is a device, a pipe or a socket in 10_base\n  help: use --text with a regular file\n',
    ],
    ['/..', 'error: /.. is a directory in 10_base\n  help: use --text with a regular file\n'],
  ] as const) {
    await t.test(`no text: ${file}`, async () => {
      assert.deepEqual(await text(file), { status: 2, stdout: '', stderr: message });
    });
  }
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
