// The contract of export formats that write disks, as a suite that each has to pass: what is written holds the image, whole or
// not at all. Those made from the files of the system have tests of their own, test/e2e/export-*.test.ts.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { exportersFor } from '../../src/export/registry.ts';
import { packer } from '../../src/host/images/pack.ts';
import { packings } from '../../src/host/images/packings.ts';
import { qemuImg } from '../../src/host/images/qemu-img.ts';
import { media } from '../../src/host/media/media.ts';
import { FORMAT_NAMES, type FormatName, optionsOf } from '../../src/model/machine/format.ts';
import { machineOf } from '../../src/model/machine/machine.ts';
import { failureIn, Tree, valueIn } from '../rig/tree.ts';

const LIVE = new AbortController().signal;

/** A chain of two: the upper one overwrites the first of two blocks of data, and is larger. */
function chain(tree: Tree): string {
  const [base, top] = [tree.path('base.qcow2'), tree.path('top.qcow2')];
  const qemuIo = (file: string, ...commands: readonly string[]) =>
    execFileSync('qemu-io', ['-f', 'qcow2', ...commands.flatMap((command) => ['-c', command]), file]);
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', base, '8M']);
  qemuIo(base, 'write -P 1 0 64k', 'write -P 2 1M 64k');
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', base, '-F', 'qcow2', top, '16M']);
  qemuIo(top, 'write -P 3 0 64k', 'write -P 4 12M 64k');
  return top;
}

/** How QEMU calls what a format writes, without its compression. */
const QEMU_FORMAT: Readonly<Partial<Record<FormatName, string>>> = {
  vhd: 'vpc',
  vhdx: 'vhdx',
  vdi: 'vdi',
  vmdk: 'vmdk',
  qcow2: 'qcow2',
  libvirt: 'qcow2',
  qemu: 'qcow2',
  vmware: 'vmdk',
  virtualbox: 'vdi',
  ova: 'vmdk',
  proxmox: 'qcow2',
  openstack: 'qcow2',
  hyperv: 'vhdx',
  'vagrant-libvirt': 'qcow2',
  'vagrant-virtualbox': 'vmdk',
};

/** QEMU writes clusters in any order, or chooses identifiers at random. */
const VARYING = /\.(qcow2|vhdx?)$/;
const VARYING_BOX: FormatName = 'vagrant-libvirt';

/** The names of disks, and of what contains them; other files are texts. */
const DISK = /\.(qcow2|raw(\.\w+)?|vmdk|vdi|vhdx?|tar\.gz|ova|box)$/;

/** Unpacks what a format compresses; returns the disk. */
const UNPACK: Readonly<Partial<Record<FormatName, (file: string) => string>>> = {
  'raw.xz': (file) => unpacked('xz', ['-dk', file], file.slice(0, -'.xz'.length)),
  'raw.zst': (file) => unpacked('zstd', ['-dqk', file], file.slice(0, -'.zst'.length)),
  'raw.gz': (file) => unpacked('gzip', ['-dk', file], file.slice(0, -'.gz'.length)),
  ova: (file) => fromArchive(file, 'web.vmdk'),
  'vagrant-libvirt': (file) => fromArchive(file, 'box.img'),
  'vagrant-virtualbox': (file) => fromArchive(file, 'web.vmdk'),
  gce: (file) =>
    unpacked('tar', ['-C', path.dirname(file), '-xzf', file], path.join(path.dirname(file), 'disk.raw')),
};

function fromArchive(file: string, name: string): string {
  const directory = path.dirname(file);
  return unpacked('tar', ['-C', directory, '-xf', file, name], path.join(directory, name));
}

function unpacked(command: string, args: readonly string[], disk: string): string {
  execFileSync(command, args);
  return disk;
}

/** Exports a chain; returns the written files, or the failure. */
async function written(format: FormatName, tree: Tree, source: string, signal = LIVE) {
  const exporters = exportersFor({ images: qemuImg, packer, packings, media });
  tree.write({ 'out/': '', 'scratch/': '' });
  const directory = tree.path('out');
  const done = await exporters[format].write({
    machine: machineOf('web', '20_app'),
    disks: [{ name: 'main', source, content: 'x', size: 16 * 1024 ** 2, bytes: 1 }],
    options: optionsOf({ format, options: {} }),
    directory,
    scratch: tree.path('scratch'),
    viewer: () => assert.fail('disks are not mounted'),
    signal,
    convert: ({ source }, target, to) => qemuImg.convert(source, 'qcow2', target, signal, to),
    share: (_name, _target, make) => make(),
    onProgress: () => {},
    onTree: () => assert.fail('there is no tree'),
  });
  return { done, files: readdirSync(directory).map((name) => path.join(directory, name)) };
}

/** Formats without a disk in them. */
const OF_FILES: readonly FormatName[] = ['rootfs', 'oci', 'docker', 'containerdisk', 'ramdisk', 'iso'];

for (const format of FORMAT_NAMES.filter((name) => !OF_FILES.includes(name))) {
  describe(`the format ${format}`, () => {
    test('the exported file has the content of the whole chain, and needs no other file', async () => {
      using tree = new Tree({});
      const top = chain(tree);
      const { done, files } = await written(format, tree, top);
      valueIn(done);
      const [file = '', ...others] = files.filter((name) => DISK.test(name));
      assert.deepEqual(others, []);
      const disk = UNPACK[format]?.(file) ?? file;
      const name = QEMU_FORMAT[format] ?? 'raw';
      execFileSync('qemu-img', ['compare', '-f', 'qcow2', '-F', name, top, disk]);
      const info = execFileSync('qemu-img', ['info', '--output=json', '-f', name, disk], {
        encoding: 'utf8',
      });
      assert.equal(JSON.parse(info)['backing-filename'], undefined);
    });

    test('the same machine becomes the same files, where QEMU lets it', async () => {
      using tree = new Tree({});
      using other = new Tree({});
      const top = chain(tree);
      const digests = async (place: Tree) =>
        (await written(format, place, top)).files
          .filter((file) => !VARYING.test(file) && format !== VARYING_BOX)
          .map((file) => [
            path.basename(file),
            createHash('sha256').update(readFileSync(file)).digest('hex'),
          ]);
      assert.deepEqual(await digests(tree), await digests(other));
    });

    test('a disk that is not there is a failure of this host, with the command that failed', async () => {
      using tree = new Tree({});
      const { done } = await written(format, tree, tree.path('none.qcow2'));
      const failure = failureIn(done);
      assert.equal(failure.kind, 'host');
      assert.match(`${failure.hint}`, /qemu-img (convert|create)/);
    });

    test('it ends when it is interrupted', async () => {
      using tree = new Tree({});
      const { done } = await written(format, tree, chain(tree), AbortSignal.abort());
      assert.equal(failureIn(done).kind, 'interrupted');
    });
  });
}
