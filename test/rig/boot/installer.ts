// A tiny installer: a kernel of Debian, and an initial ramdisk that writes a system to the disk, as its answers say.

import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { gzipSync } from 'node:zlib';
import { applianceEnvironment } from '../appliance.ts';

const MODULES = ['virtio_pci', 'virtio_blk', 'virtio_net'];

/** The answers are one line each; the last bytes of the disk get them. */
const INIT = `#!/bin/busybox sh
/bin/busybox --install -s /bin
export PATH=/bin
mount -t proc proc /proc
mount -t sysfs sysfs /sys
mount -t devtmpfs dev /dev
exec >/dev/console 2>&1
for module in $(cat /modules/order); do insmod "/modules/$module"; done
echo "installer: $(cat /proc/cmdline)"
for place in /sys/class/net/*; do echo "installer: has \${place##*/}"; done
answers=$(cat /preseed.cfg /ks.cfg 2>/dev/null)
case $answers in
  *reboot*) reboot -f ;;
  *panic*) exit 1 ;;
  *hang*) echo "installer: waits"; sleep 600 ;;
  *nothing*) poweroff -f ;;
esac
zcat /disk.gz >/dev/vda
size=$(cat /sys/block/vda/size)
echo "$answers" | dd of=/dev/vda bs=512 seek=$((size - 1)) conv=notrunc 2>/dev/null
sync
echo 'installer: done'
poweroff -f
`;

/**
 * Makes the files `linux` and `initrd.gz` in a directory, and with them `install.iso`, where Debian has them on its discs.
 * @param disk path of the raw image that is written
 */
export function makeInstaller(directory: string, disk: string): void {
  const file = (name: string) => path.join(directory, name);
  const run = (command: string, ...args: readonly string[]) =>
    execFileSync(command, args, { cwd: directory, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  const { SUPERMIN_KERNEL: kernel = newestKernel(), SUPERMIN_KERNEL_VERSION: named } = applianceEnvironment();
  const version = named ?? path.basename(kernel).slice('vmlinuz-'.length);
  const root = path.resolve(path.dirname(kernel), '..');
  mkdirSync(file('tree/bin'), { recursive: true });
  for (const name of ['proc', 'sys', 'dev', 'modules']) mkdirSync(file(`tree/${name}`));
  cpSync('/bin/busybox', file('tree/bin/busybox'), { dereference: true });
  const order: string[] = [];
  for (const module of MODULES) {
    const shown = run('/sbin/modprobe', '-d', root, '-S', version, '--show-depends', module);
    for (const [, place = ''] of shown.matchAll(/^insmod (\S+)/gm)) {
      const name = path.basename(place);
      if (order.includes(name)) continue;
      order.push(name);
      cpSync(place, file(`tree/modules/${name}`));
    }
  }
  writeFileSync(file('tree/modules/order'), order.join('\n'));
  writeFileSync(file('tree/disk.gz'), gzipSync(readFileSync(disk)));
  writeFileSync(file('tree/init'), INIT, { mode: 0o755 });
  cpSync(kernel, file('linux'));
  run('sh', '-c', 'cd tree && find . | cpio --quiet -o -H newc -R 0:0 | gzip -1 > ../initrd.gz');
  mkdirSync(file('disc/install.amd'), { recursive: true });
  cpSync(file('linux'), file('disc/install.amd/vmlinuz'));
  cpSync(file('initrd.gz'), file('disc/install.amd/initrd.gz'));
  run('xorriso', '-as', 'mkisofs', '-quiet', '-r', '-J', '-o', 'install.iso', 'disc');
}

function newestKernel(): string {
  return execFileSync('sh', ['-c', 'ls -v /boot/vmlinuz-* | tail -n 1'], { encoding: 'utf8' }).trim();
}
