// vlb export to container images: what skopeo and umoci make of them is the system, and a change costs one layer.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { diskThatWrites } from '../rig/boot/boot-sector.ts';
import { treeIn, treeOf } from '../rig/disk-truth.ts';
import { untilClean } from '../rig/host-state.ts';
import { TestProject } from '../rig/project.ts';
import { runAsRoot } from '../rig/root.ts';
import { buildLayer, copyTools, tinyDisk } from '../rig/tiny.ts';

const WRITE = `
mkdir -p /data/gone/deep /data/kept /data/becomes-link /var
echo 1 > /data/gone/deep/file
echo 2 > /data/kept/file
echo 3 > /data/removed
echo 4 > /data/becomes-link/file
echo 5 > /data/becomes-directory
echo 6 > /data/linked
ln /data/linked /data/kept/hard
printf x > "$(printf '/data/latin-\\344')"
/opt/setfattr -n user.note -v hello /data/kept/file
/opt/setfattr -n security.capability -v 0sAQAAAgAgAAAAAAAAAAAAAAAAAAA= /bin/busybox
`;

const CHANGE = `
rm -r /data/gone /data/removed /data/becomes-link /data/becomes-directory "$(printf '/data/latin-\\344')"
ln -s kept /data/becomes-link
mkdir /data/becomes-directory
echo new > /data/becomes-directory/file
chmod 600 /data/linked
/opt/setfattr -n user.note -v changed /data/kept/file
/opt/chown 12:34 /data/kept
cp page /page
`;

const CONFIG = `
machines:
  web:
    disks: [{ image: 30_page }]
    exports:
      - format: oci
        entrypoint: [/bin/cat]
        cmd: [/page]
        env: { GREETING: hello }
        labels: { org.example.team: web }
        tag: '1.0'
      - docker
      - containerdisk
`;

describe('vlb export to container images', () => {
  let project: TestProject;
  before(() => {
    project = new TestProject({
      'layers/10_base/modify-disk': tinyDisk({ size: '64M', more: copyTools('setfattr', 'chown') }),
      'layers/20_write/build-layer': buildLayer(WRITE),
      'layers/30_page/build-layer': buildLayer(CHANGE),
      'layers/30_page/page': 'first\n',
      'vlb.yaml': CONFIG,
    });
  });
  after(() => project[Symbol.asyncDispose]());

  const exported = async (...args: string[]) => {
    const done = await project.vlb(['export', ...args]);
    assert.equal(done.status, 0, done.stderr);
  };
  const directory = (format: string) => project.path(`build/export/web/${format}`);
  const json = (...command: readonly [string, ...string[]]) => {
    const [name, ...args] = command;
    return JSON.parse(execFileSync(name, args, { encoding: 'utf8' }));
  };
  const inspect = (image: string, ...options: string[]) => json('skopeo', 'inspect', ...options, image);
  const truth = () => [...treeOf(project.path('build/30_page.qcow2'), project.directory)].sort();

  test('oci: umoci unpacks the system, with removed files removed', async () => {
    await exported();
    const bundle = project.path('bundle');
    runAsRoot('umoci', 'unpack', '--image', `${directory('oci')}:1.0`, bundle);
    const root = path.join(bundle, 'rootfs');
    assert.deepEqual([...treeIn(root)].sort(), truth());
    assert.equal(
      lstatSync(path.join(root, 'data/kept/hard')).ino,
      lstatSync(path.join(root, 'data/linked')).ino,
    );
    assert.equal(runAsRoot('chroot', root, '/bin/cat', '/page'), 'first\n');
    const { config, architecture } = inspect(`oci:${directory('oci')}:1.0`, '--config');
    assert.deepEqual(config.Entrypoint, ['/bin/cat']);
    assert.deepEqual(config.Cmd, ['/page']);
    assert.ok(config.Env.includes('GREETING=hello'));
    assert.equal(config.Labels['org.example.team'], 'web');
    assert.ok(['amd64', 'arm64'].includes(architecture));
    await untilClean(project);
  });

  test('docker: the archive is the same image', async () => {
    const archive = `docker-archive:${path.join(directory('docker'), 'web.tar')}`;
    assert.deepEqual(json('skopeo', 'inspect', '--config', archive).rootfs, inspectRootfs());
    const copy = project.path('copy');
    execFileSync('skopeo', ['copy', '-q', archive, `oci:${copy}:x`]);
    assert.equal(existsSync(path.join(copy, 'index.json')), true);
    assert.match(
      execFileSync('tar', ['-xOf', path.join(directory('docker'), 'web.tar'), 'manifest.json'], {
        encoding: 'utf8',
      }),
      /"web:latest"/,
    );
  });

  const inspectRootfs = () => inspect(`oci:${directory('oci')}:1.0`, '--config').rootfs;

  test('containerdisk: the disk belongs to the user of QEMU, and is whole', async () => {
    const bundle = project.path('disk-bundle');
    runAsRoot('umoci', 'unpack', '--image', `${directory('containerdisk')}:latest`, bundle);
    const disk = path.join(bundle, 'rootfs/disk/web.qcow2');
    const { uid, gid } = lstatSync(disk);
    assert.deepEqual([uid, gid], [107, 107]);
    runAsRoot('qemu-img', 'compare', disk, project.path('build/30_page.qcow2'));
  });

  test('containerdisk: its disk boots', async () => {
    await using own = new TestProject({
      'layers/10_app/modify-disk': '#!/bin/sh\n# vlb: disk-size 1M\n:\n',
      'vlb.yaml': 'base: guest.img\n',
    });
    writeFileSync(own.path('guest.img'), diskThatWrites('hello from the disk\n'));
    const done = await own.vlb(['export', '10_app', '--format', 'containerdisk']);
    assert.equal(done.status, 0, done.stderr);
    const layout = own.path('build/export/10_app/containerdisk');
    runAsRoot('umoci', 'unpack', '--image', `${layout}:latest`, own.path('bundle'));
    const disk = own.path('bundle/rootfs/disk/10_app.qcow2');
    const booted = await own.vlb(['test-boot', disk, '--expect', 'hello from the disk']);
    assert.equal(booted.status, 0, booted.stderr);
  });

  test('the same layers have the same digests, and a change of the last one changes only that', async () => {
    const layers = () => inspect(`oci:${directory('oci')}:1.0`).Layers as string[];
    const first = layers();
    assert.equal(first.length, 3);
    await exported('--force', '--format', 'oci');
    assert.deepEqual(layers(), first);
    project.write({ 'layers/30_page/page': 'second\n' });
    await exported('--format', 'oci');
    const second = layers();
    assert.deepEqual(second.slice(0, 2), first.slice(0, 2));
    assert.notEqual(second[2], first[2]);
    const blobs = readdirSync(path.join(directory('oci'), 'blobs/sha256'));
    assert.equal(blobs.length, 5, 'blobs of the earlier image are gone');
    assert.match(readFileSync(path.join(directory('oci'), 'oci-layout'), 'utf8'), /1\.0\.0/);
  });

  test('wrong options are named, with what is valid', async () => {
    const refusedFor = async (options: string) => {
      project.write({
        'vlb.yaml': `machines: { web: { disks: [{ image: 30_page }], exports: [{ format: oci, ${options} }] } }\n`,
      });
      const refused = await project.vlb(['export']);
      assert.equal(refused.status, 2);
      return refused.stderr;
    };
    assert.match(await refusedFor('entrypoint: /bin/cat'), /entrypoint.* must be a list of strings/);
    assert.match(await refusedFor('tag: "a b"'), /tag.* must be like 1\.0/);
    assert.match(await refusedFor('env: [A=b]'), /env.* must be a mapping of strings/);
  });
});
