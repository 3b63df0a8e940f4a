// vlb export --format ramdisk and iso: what is written boots without a disk, the system is that of the image, and the same image
// becomes the same bytes.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { DEBIAN_KERNEL } from '../rig/debian.ts';
import { leftovers } from '../rig/host-state.ts';
import { Built, TestProject } from '../rig/project.ts';
import { buildLayer, copyTools, tinyDisk } from '../rig/tiny.ts';

/** An init that shows where it runs, and that it can change its files. */
const INIT = `#!/bin/sh
echo changed > /data/file
[ -e /sys/firmware/efi ] && firmware=UEFI || firmware=BIOS
echo "root: $(grep -c ' / overlay ' /proc/mounts)"
echo "disks: $(ls /sys/block | grep -c '^[vsh]d')"
echo "fstab: $(cat /etc/fstab)"
echo "file: $(cat /data/file), owner: $(stat -c %u:%g /data/file)"
echo "arguments: $*"
echo "up from memory by $firmware"
while true; do sleep 100; done
`;

const FILES = `
mkdir -p /sbin /data /tmp
cp init /sbin/init
chmod 755 /sbin/init
echo first > /data/file
/opt/chown 12:34 /data/file
printf 'LABEL=gone / ext4 defaults 0 1\\nUUID=12-34 /boot/efi vfat defaults 0 2\\ntmpfs /tmp tmpfs defaults 0 0\\n' > /etc/fstab
`;

const CONFIG = `machines:
  web:
    disks: [{ image: 20_app }, { name: data, size: 64M }]
    exports: [ramdisk, iso]
`;

describe('vlb export of systems that run from memory', () => {
  let project: TestProject;
  before(async () => {
    project = new TestProject({
      'layers/10_base/modify-disk': tinyDisk({ more: copyTools('chown') + DEBIAN_KERNEL }),
      'layers/20_app/build-layer': buildLayer(FILES, '# vlb: fstab ignore'),
      'layers/20_app/init': INIT,
      'vlb.yaml': CONFIG,
    });
    const done = new Built(await project.vlb(['export', '--progress', 'json']));
    assert.equal(done.status, 0, done.told);
  });
  after(() => project[Symbol.asyncDispose]());

  const place = (...names: readonly string[]) => project.path('build/export/web', ...names);
  const digests = () =>
    ['ramdisk', 'iso'].flatMap((format) =>
      readdirSync(place(format))
        .filter((name) => name !== 'manifest.json')
        .sort()
        .map((name) => [
          name,
          createHash('sha256')
            .update(readFileSync(place(format, name)))
            .digest('hex'),
        ]),
    );
  const booted = async (what: string, ...options: readonly string[]) => {
    const done = await project.vlb(['test-boot', what, '--expect', 'up from memory by \\w+', ...options]);
    assert.equal(done.status, 0, done.stderr);
    const lines = done.stderr.replaceAll('\r', '').replaceAll(/^console \| /gm, '');
    const value = (name: string) => new RegExp(`^${name}: ?(.*)$`, 'm').exec(lines)?.[1];
    assert.equal(value('root'), '1', lines);
    assert.equal(value('fstab'), 'tmpfs /tmp tmpfs defaults 0 0');
    assert.equal(value('file'), 'changed, owner: 12:34');
    return { disks: value('disks'), firmware: /^up from memory by (\w+)/m.exec(lines)?.[1] };
  };

  test('ramdisk: kernel and initrd boot without a disk', async () => {
    assert.deepEqual(readdirSync(place('ramdisk')).sort(), [
      ...['boot.ipxe', 'cmdline', 'initrd', 'manifest.json', 'vmlinuz'],
    ]);
    assert.deepEqual(await booted(place('ramdisk')), { disks: '0', firmware: 'BIOS' });
    assert.match(
      readFileSync(place('ramdisk/boot.ipxe'), 'utf8'),
      /^#!ipxe\nkernel vmlinuz initrd=initrd console=tty0 console=ttyS0,115200\ninitrd initrd\nboot\n$/,
    );
    assert.deepEqual(leftovers(project), []);
  });

  test('iso: the disc boots by BIOS and by UEFI, and so does a disk with the same bytes', async () => {
    const iso = place('iso/web.iso');
    assert.equal((await booted(iso)).firmware, 'BIOS');
    assert.equal((await booted(iso, '--uefi')).firmware, 'UEFI');
    // As another format of a disk, it is not taken for a disc.
    const disk = project.path('stick.qcow2');
    execFileSync('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', iso, disk]);
    assert.equal((await booted(disk)).firmware, 'BIOS');
  });

  test('the same image becomes the same bytes; arguments of the kernel are those of vlb.yaml', async () => {
    const first = digests();
    const again = await project.vlb(['export', '--force'], { env: { SOURCE_DATE_EPOCH: '1700000000' } });
    assert.equal(again.status, 0, again.stderr);
    assert.deepEqual(digests(), first);
    project.write({
      'vlb.yaml': CONFIG.replace('[ramdisk, iso]', '[{ format: ramdisk, cmdline: quiet console=ttyS0 }]'),
    });
    const changed = await project.vlb(['export', 'web']);
    assert.equal(changed.status, 0, changed.stderr);
    assert.equal(readFileSync(place('ramdisk/cmdline'), 'utf8'), 'quiet console=ttyS0\n');
    project.write({ 'vlb.yaml': CONFIG.replace('[ramdisk, iso]', '[{ format: iso, cmdline: "a; b" }]') });
    const refused = await project.vlb(['export', 'web']);
    assert.equal(refused.status, 2);
    assert.match(refused.stderr, /cmdline.* must be like quiet console=tty0/);
    project.write({ 'vlb.yaml': CONFIG });
  });

  test('an image without a kernel, or with one that lacks a module, is refused; so is a host without a tool', async () => {
    const refused = async (status: number, message: RegExp, env = {}) => {
      const done = await project.vlb(['export', '30_less', '--format', 'iso'], { env });
      assert.equal(done.status, status, done.stderr);
      assert.match(done.stderr, message);
      assert.equal(existsSync(project.path('build/export/30_less/iso/30_less.iso')), false);
    };
    const less = (commands: string) =>
      project.write({ 'layers/30_less/build-layer': buildLayer(commands, '# vlb: fstab ignore') });
    less('for file in /lib/modules/*/modules.dep; do grep -v overlay "$file" > /new; cp /new "$file"; done');
    await refused(2, /the kernel 6\.\S+ of the image has no module overlay/);
    less('rm /boot/vmlinuz-*');
    await refused(2, /the image of 30_less has no kernel with its modules/);
    less('true');
    const bin = path.join(path.dirname(project.directory), 'bin');
    mkdirSync(bin);
    const left = /^(mksquashfs|xorriso|busybox|cpio)$/;
    for (const directory of process.env['PATH']?.split(':').filter((one) => existsSync(one)) ?? []) {
      for (const name of readdirSync(directory)) {
        const link = path.join(bin, name);
        if (!left.test(name) && !existsSync(link)) symlinkSync(path.join(directory, name), link);
      }
    }
    await refused(3, /busybox is not installed[\s\S]*apt-get install busybox-static/, { PATH: bin });
    symlinkSync('/bin/busybox', path.join(bin, 'busybox'));
    await refused(3, /mksquashfs is not installed[\s\S]*apt-get install squashfs-tools/, { PATH: bin });
  });
});
