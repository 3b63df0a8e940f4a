// The kernel of an image: where distributions have it, and what is loaded to mount a squashfs.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  fstabInMemory,
  kernelOf,
  modulesFor,
  squashCompressionOf,
} from '../../../../src/export/media/kernel.ts';
import { failureIn, valueIn } from '../../../rig/tree.ts';

test('the newest kernel that has its modules, where each distribution has it', () => {
  const found = (...files: readonly string[]) => kernelOf(files)?.file;
  const debian = (version: string) => [`/boot/vmlinuz-${version}`, `/usr/lib/modules/${version}/modules.dep`];
  assert.equal(
    found(...debian('6.1.0-9-amd64'), ...debian('6.1.0-12-amd64')),
    '/boot/vmlinuz-6.1.0-12-amd64',
  );
  assert.equal(
    found('/boot/vmlinuz-6.12', '/lib/modules/6.1/modules.dep', '/boot/vmlinuz-6.1'),
    '/boot/vmlinuz-6.1',
  );
  const fedora = '/usr/lib/modules/6.8.5-301.fc40.x86_64';
  assert.equal(found(`${fedora}/vmlinuz`, `${fedora}/modules.dep`), `${fedora}/vmlinuz`);
  assert.equal(found('/boot/vmlinuz-virt', '/lib/modules/6.6.14-0-virt/modules.dep'), '/boot/vmlinuz-virt');
  assert.equal(found('/lib/modules/6.1/modules.dep', '/boot/vmlinuz'), undefined);
  assert.equal(found('/boot/vmlinuz-6.1', '/lib/modules/6.1/modules.builtin'), undefined);
  assert.equal(found(), undefined);
  assert.equal(kernelOf([...debian('6.1'), '/boot/config-6.1'])?.config, '/boot/config-6.1');
});

test('modules come after what they need; what is built in is not loaded; others are an error', () => {
  const dependencies = `kernel/fs/overlayfs/overlay.ko.xz:
kernel/fs/squashfs/squashfs.ko.xz: kernel/lib/zstd/zstd.ko.xz kernel/lib/xxhash.ko.xz
kernel/lib/xxhash.ko.xz:
`;
  const of = (wanted: readonly string[], builtin = '') =>
    modulesFor(wanted, { version: '6.1' }, dependencies, builtin);
  assert.deepEqual(valueIn(of(['squashfs', 'overlay'])), [
    'kernel/lib/xxhash.ko.xz',
    'kernel/lib/zstd/zstd.ko.xz',
    'kernel/fs/squashfs/squashfs.ko.xz',
    'kernel/fs/overlayfs/overlay.ko.xz',
  ]);
  assert.deepEqual(valueIn(of(['loop'], 'kernel/fs/ext4/ext4.ko\nkernel/drivers/block/loop.ko\n')), []);
  assert.deepEqual(valueIn(of(['a_b'], 'kernel/a-b.ko\n')), []);
  assert.match(failureIn(of(['loop'])).message, /^the kernel 6\.1 of the image has no module loop$/);
});

test('zstd only where the configuration of the kernel says so', () => {
  assert.equal(squashCompressionOf('CONFIG_SQUASHFS=m\nCONFIG_SQUASHFS_ZSTD=y\n'), 'zstd');
  assert.equal(squashCompressionOf('# CONFIG_SQUASHFS_ZSTD is not set\n'), 'gzip');
  assert.equal(squashCompressionOf(''), 'gzip');
});

test('the fstab in memory has no disks', () => {
  const fstab = `# comment
UUID=1-2 / ext4 errors=remount-ro 0 1
LABEL=x /boot ext4 defaults 0 2
PARTUUID=3 /boot/efi vfat umask=0077 0 1
/dev/vda3 none swap sw 0 0
/swapfile none swap sw 0 0
tmpfs /tmp tmpfs defaults 0 0
server:/srv /srv nfs nofail 0 0
tmpfs / tmpfs defaults 0 0
`;
  assert.equal(
    fstabInMemory(fstab),
    '# comment\ntmpfs /tmp tmpfs defaults 0 0\nserver:/srv /srv nfs nofail 0 0\n',
  );
});
