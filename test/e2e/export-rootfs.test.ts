// vlb export --format rootfs: the archive has everything that is on the disk, the same bytes each time, and can be used.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { treeIn, treeOf } from '../rig/disk-truth.ts';
import { untilClean } from '../rig/host-state.ts';
import { Built, TestProject } from '../rig/project.ts';
import { runAsRoot } from '../rig/root.ts';
import { buildLayer, copyTools, partitionedDisk } from '../rig/tiny.ts';

/** Everything that an archive could lose. */
const FILES = `
mkdir -p /data/dir /var/lib
echo text > /data/file
chmod 4751 /data/file
ln /data/file /data/dir/hard
ln -s ../../../../etc/passwd /data/link
/opt/chown 1234:5678 /data/file
/opt/mknod /data/fifo p
/opt/mknod /data/null c 1 3
dd if=/dev/zero of=/data/holes bs=1 seek=8388607 count=1
printf x > "/data/new
line"
printf x > "$(printf '/data/latin-\\344')"
echo state > /var/lib/state
/opt/touch -d '2001-02-03T04:05:06.123456789Z' /data/file
/opt/setfattr -n user.note -v hello /data/file
/opt/setfattr -n security.capability -v 0sAQAAAgAgAAAAAAAAAAAAAAAAAAA= /bin/busybox
/opt/setfattr -n system.posix_acl_access -v 0sAgAAAAEABgD/////AgAEAOgDAAAEAAQA/////xAABAD/////IAAEAP////8= /var/lib/state
ln -s / /outside
`;

describe('vlb export --format rootfs', () => {
  let project: TestProject;
  before(() => {
    project = new TestProject({
      'layers/10_base/modify-disk': partitionedDisk(copyTools('setfattr', 'chown', 'mknod', 'touch')),
      'layers/20_app/build-layer': buildLayer(FILES),
      'vlb.yaml': `machines:
  web: { disks: [{ image: 20_app }, { name: data, size: 64M }], exports: [rootfs] }
  two: { disks: [{ image: 20_app }, { name: data, image: 10_base }] }
`,
    });
  });
  after(() => project[Symbol.asyncDispose]());

  const tar = () => project.path('build/export/web/rootfs/web.tar');

  test('an unpacked archive is the system, with the partitions of its fstab', async () => {
    const done = new Built(await project.vlb(['export', 'web', '--progress', 'json']));
    assert.equal(done.status, 0, done.told);
    const root = project.path('root');
    mkdirSync(root);
    const all = ['--numeric-owner', '--acls', '--xattrs', '--xattrs-include=*'];
    runAsRoot('tar', '-C', root, '-xpf', tar(), ...all);
    const isOnRoot = ([name]: [string, string]) => !/^\/(var|boot)(\/|$)/.test(name);
    const [found, expected] = [
      treeIn(root),
      treeOf(project.path('build/20_app.qcow2'), project.directory),
    ].map((tree) => [...tree].filter(isOnRoot).sort());
    assert.deepEqual(found, expected);
    assert.equal(readFileSync(path.join(root, 'var/lib/state'), 'utf8'), 'state\n');
    assert.match(treeIn(path.join(root, 'var')).get('/lib/state') ?? '', /posix_acl_access/);

    const [file, hard] = [
      lstatSync(path.join(root, 'data/file')),
      lstatSync(path.join(root, 'data/dir/hard')),
    ];
    assert.equal(hard.ino, file.ino);
    assert.equal(file.mtime.toISOString(), '2001-02-03T04:05:06.123Z');
    assert.ok(statSync(tar()).size < 8 * 1024 ** 2 * 2, 'the archive has holes');
    assert.equal(runAsRoot('chroot', root, '/bin/cat', '/data/dir/hard'), 'text\n');
    await untilClean(project);
  });

  test('the same disk becomes the same bytes; compressed, it is the same archive', async () => {
    const first = readFileSync(tar());
    const again = await project.vlb(['export', 'web', '--force']);
    assert.equal(again.status, 0, again.stderr);
    assert.ok(readFileSync(tar()).equals(first));
    const refused = await project.vlb(['export', 'two', '--format', 'rootfs']);
    assert.equal(refused.status, 2, refused.stderr);
    assert.match(refused.stderr, /has the files of one disk, and two has others on data/);
    project.write({
      'vlb.yaml':
        'machines: { web: { disks: [{ image: 20_app }], exports: [{ format: rootfs, compression: zstd }] } }\n',
    });
    const packed = await project.vlb(['export', 'web']);
    assert.equal(packed.status, 0, packed.stderr);
    assert.equal(existsSync(tar()), false);
    const unpacked = execFileSync('zstd', ['-dqc', `${tar()}.zst`], { maxBuffer: 2 ** 28 });
    assert.ok(unpacked.equals(first));
  });

  test('as a directory, it is the same system, for its owner alone', async () => {
    const exported = async (options: string) => {
      project.write({
        'vlb.yaml': `machines: { web: { disks: [{ image: 20_app }], exports: [{ format: rootfs, ${options} }] } }\n`,
      });
      return project.vlb(['export', 'web']);
    };
    const refused = await exported('as: directory, compression: zstd');
    assert.equal(refused.status, 2, refused.stderr);
    assert.match(refused.stderr, /as: directory cannot be compressed/);

    const done = await exported('as: directory');
    assert.equal(done.status, 0, done.stderr);
    assert.match(done.stdout, /rootfs +\d.* MiB/);
    const root = project.path('build/export/web/rootfs/web');
    assert.equal(existsSync(`${tar()}.zst`), false);
    const isOnRoot = ([name]: [string, string]) => !/^\/(var|boot)(\/|$)/.test(name);
    const [found, expected] = [
      treeIn(root),
      treeOf(project.path('build/20_app.qcow2'), project.directory),
    ].map((tree) => [...tree].filter(isOnRoot).sort());
    assert.deepEqual(found, expected);
    assert.equal(readFileSync(path.join(root, 'var/lib/state'), 'utf8'), 'state\n');
    assert.match(treeIn(path.join(root, 'var')).get('/lib/state') ?? '', /posix_acl_access/);
    const [file, hard, holes] = ['file', 'dir/hard', 'holes'].map((name) =>
      lstatSync(path.join(root, 'data', name)),
    );
    assert.equal(hard?.ino, file?.ino);
    assert.equal(file?.mtime.toISOString(), '2001-02-03T04:05:06.123Z');
    assert.ok((holes?.blocks ?? 0) * 512 < 8 * 1024 ** 2, 'holes stay holes');
    assert.equal(statSync(path.dirname(root)).mode & 0o777, 0o700);
    assert.equal(runAsRoot('chroot', root, '/bin/cat', '/data/dir/hard'), 'text\n');

    const again = await project.vlb(['export', 'web', '-n']);
    assert.match(again.stdout, /fresh +web as rootfs/);
    writeFileSync(project.path('build/export/web/rootfs/notes'), 'mine');
    const archive = await exported('as: archive');
    assert.equal(archive.status, 0, archive.stderr);
    assert.deepEqual(readdirSync(path.dirname(root)).sort(), ['manifest.json', 'notes', 'web.tar']);
    assert.notEqual(statSync(path.dirname(root)).mode & 0o777, 0o700);
    await untilClean(project);
  });
});
