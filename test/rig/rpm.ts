// A distribution of rpm packages that fits into a test: busybox, the kernel of Debian and GRUB, in a signed repository with groups.

import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { applianceEnvironment } from './appliance.ts';

/** Programs that boot a virtual machine from ext4. */
const MODULES = ['virtio_pci', 'virtio_blk', 'virtio_scsi', 'sd_mod', 'ext4'];

const INITRAMFS = `#!/bin/busybox sh
export PATH=/bin
busybox mkdir -p /proc /sys /dev /root
busybox mount -t proc none /proc
busybox mount -t devtmpfs none /dev
for module in $(busybox cat /modules/order); do busybox insmod "/modules/$module"; done
for word in $(busybox cat /proc/cmdline); do
  case $word in root=*) root=\${word#root=} ;; esac
done
for try in 1 2 3 4 5 6 7 8 9; do
  device=$(busybox findfs "$root") && break
  busybox sleep 1
done
busybox mount -t ext4 "$device" /root
exec busybox switch_root /root /sbin/init
`;

const INIT = `#!/bin/sh
mount -t proc none /proc
mount -t devtmpfs none /dev
echo "$(hostname -F /etc/hostname; hostname) login: " >/dev/ttyS0
while :; do sleep 1000; done
`;

/** What grub2-mkconfig of the distribution makes of what the installation leaves for it. */
const MKCONFIG = `#!/bin/sh
set -eu
. /etc/default/grub
uuid=$(sed -n 's/^root=UUID=\\([^ ]*\\).*/\\1/p' /etc/kernel/cmdline)
for kernel in /boot/vmlinuz-*; do version=\${kernel#/boot/vmlinuz-}; done
cat >"$2" <<END
set timeout=$GRUB_TIMEOUT
search --no-floppy --fs-uuid --set=root $uuid
linux $kernel $(cat /etc/kernel/cmdline)
initrd /boot/initramfs-$version.img
boot
END
`;

/** The path of a device below /sys, which GRUB asks for. */
const UDEVADM = `#!/bin/sh
for device; do :; done
path=$(readlink -f "/sys/dev/block/$((0x$(stat -c %t "$device"))):$((0x$(stat -c %T "$device")))")
echo "\${path#/sys}"
`;

interface Package {
  readonly name: string;
  readonly provides?: string;
  readonly requires?: string;
  readonly files?: readonly string[];
  readonly post?: string;
}

const TOOLS =
  'sh ls cat touch mkdir rmdir cp mv rm ln chmod chown sed grep id head tail wc mount umount sleep hostname true false env printf basename dirname sync mktemp sort uniq tr cut find stat readlink';

function packages(version: string): readonly Package[] {
  return [
    {
      name: 'tiny-release',
      provides: 'system-release',
      files: ['/etc/os-release', '/etc/system-release', '/etc/passwd', '/etc/group', '/etc/shadow'],
    },
    {
      name: 'busybox',
      provides: '/bin/sh, util-linux, shadow-utils, iproute, e2fsprogs',
      requires: 'system-release',
      files: ['/bin/busybox', ...TOOLS.split(' ').map((tool) => `/bin/${tool}`)],
    },
    { name: 'rpm', requires: 'busybox' },
    { name: 'dnf', requires: 'rpm' },
    { name: 'systemd', provides: 'systemd-udev', requires: 'busybox', files: ['/sbin/init', '/bin/udevadm'] },
    { name: 'dracut', provides: 'dracut-config-generic, grubby', files: ['/bin/grubby', '/bin/chpasswd'] },
    {
      name: 'glibc-langpack-en',
      provides: 'tzdata',
      files: ['/bin/locale', '/usr/share/zoneinfo/Etc/UTC'],
    },
    {
      name: 'kernel-core',
      requires: 'dracut, systemd',
      files: [`/boot/vmlinuz-${version}`, `/boot/initramfs-${version}.img`, `/lib/modules/${version}`],
    },
    { name: 'grub2-tools', requires: 'busybox', files: ['/usr/sbin/*', '/lib/x86_64-linux-gnu', '/lib64'] },
    { name: 'grub2-pc', requires: 'grub2-tools', files: ['/usr/lib/grub/i386-pc'] },
    {
      name: 'grub2-efi-x64',
      provides: 'shim-x64',
      requires: 'grub2-tools',
      files: ['/boot/efi/EFI/rocky/grubx64.efi'],
    },
    {
      name: 'hello',
      requires: 'busybox',
      files: ['/usr/share/hello', '%doc /usr/share/doc/hello'],
      post: 'test -c /dev/null && test -d /proc/1 && echo "hello is installed" >/usr/share/hello/installed',
    },
    { name: 'hello-plugin', requires: 'hello' },
    { name: 'hello-debug', requires: 'hello' },
    { name: 'hello-extra', requires: 'hello' },
  ];
}

const GROUPS = `<?xml version="1.0"?>
<comps>
  <group><id>core</id><name>Core</name><default>true</default><uservisible>true</uservisible>
    <packagelist><packagereq type="mandatory">busybox</packagereq></packagelist>
  </group>
  <group><id>greeting</id><name>Greeting</name><default>true</default><uservisible>true</uservisible>
    <packagelist>
      <packagereq type="mandatory">hello</packagereq>
      <packagereq type="default">hello-plugin</packagereq>
      <packagereq type="default">hello-debug</packagereq>
    </packagelist>
  </group>
</comps>
`;

/**
 * Makes the repository `packages` in a directory, with its key in `RPM-GPG-KEY`, and another key, `other-key`.
 * @param work an empty directory that is removed
 */
export function makeRpmDistribution(directory: string, work: string): void {
  const run = (tool: string, ...args: readonly string[]) =>
    execFileSync(tool, args, {
      cwd: work,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        PATH: `${process.env['PATH']}:/usr/sbin:/sbin`,
        GNUPGHOME: path.join(work, 'keys'),
      },
    });
  const place = (...names: readonly string[]) => path.join(work, 'tree', ...names);
  const write = (name: string, text: string, mode = 0o644) => {
    mkdirSync(path.dirname(place(name)), { recursive: true });
    writeFileSync(place(name), text, { mode });
  };
  const version = putKernel(work, run);
  write('etc/os-release', 'ID="rocky"\nID_LIKE="rhel centos fedora"\nVERSION_ID="9.4"\n');
  write('etc/system-release', 'Tiny Linux release 9.4\n');
  write('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\n');
  write('etc/group', 'root:x:0:\n');
  mkdirSync(place('bin'));
  cpSync('/bin/busybox', place('bin/busybox'), { dereference: true });
  for (const tool of TOOLS.split(' ')) run('ln', '-s', 'busybox', place('bin', tool));
  write('sbin/init', INIT, 0o755);
  write('bin/udevadm', UDEVADM, 0o755);
  write('bin/grubby', '#!/bin/sh\necho "$@" >>/etc/grubby\n', 0o755);
  const change = 'sed -i "s|^$name:[^:]*|$name:$hash|" /etc/shadow';
  write('bin/chpasswd', `#!/bin/sh\nIFS=: read -r name hash\n${change}\n`, 0o755);
  write('bin/locale', '#!/bin/sh\necho en_US.utf8\n', 0o755);
  write('usr/share/zoneinfo/Etc/UTC', 'TZif\n');
  write('etc/shadow', 'root:*::0:99999:7:::\n', 0o600);
  write('usr/share/hello/text', 'hello\n');
  write('usr/share/doc/hello/README', 'how to greet\n');
  putGrub(place, run);
  write('usr/sbin/grub2-install', '#!/bin/sh\nln -s grub2 /boot/grub\nexec grub-install "$@"\n', 0o755);
  write('usr/sbin/grub2-mkconfig', MKCONFIG, 0o755);
  buildPackages(work, packages(version), run);
  const repository = path.join(directory, 'packages');
  mkdirSync(repository, { recursive: true });
  for (const file of readdirSync(path.join(work, 'RPMS/x86_64'))) {
    cpSync(path.join(work, 'RPMS/x86_64', file), path.join(repository, file));
  }
  writeFileSync(path.join(work, 'comps.xml'), GROUPS);
  run('createrepo_c', '--quiet', '--groupfile', path.join(work, 'comps.xml'), repository);
  writeFileSync(path.join(directory, 'RPM-GPG-KEY'), run('gpg', '--armor', '--export', 'tiny@example.org'));
  run('gpg', '--batch', '--passphrase', '', '--quick-generate-key', 'other@example.org');
  writeFileSync(path.join(directory, 'other-key'), run('gpg', '--armor', '--export', 'other@example.org'));
  rmSync(work, { recursive: true });
}

type Run = (tool: string, ...args: readonly string[]) => string;

/** The kernel, and an initramfs with the modules that find the root; returns the version. */
function putKernel(work: string, run: Run): string {
  const { SUPERMIN_KERNEL: kernel = run('sh', '-c', 'ls -v /boot/vmlinuz-* | tail -n 1').trim() } =
    applianceEnvironment();
  const version = path.basename(kernel).slice('vmlinuz-'.length);
  const root = path.resolve(path.dirname(kernel), '..');
  const inner = path.join(work, 'initramfs');
  for (const name of ['bin', 'modules']) mkdirSync(path.join(inner, name), { recursive: true });
  for (const name of ['boot', `lib/modules/${version}`])
    mkdirSync(path.join(work, 'tree', name), { recursive: true });
  cpSync('/bin/busybox', path.join(inner, 'bin/busybox'), { dereference: true });
  const order: string[] = [];
  for (const module of MODULES) {
    const shown = run('modprobe', '-d', root, '-S', version, '--show-depends', module);
    for (const [, file = ''] of shown.matchAll(/^insmod (\S+)/gm)) {
      const name = path.basename(file);
      if (order.includes(name)) continue;
      order.push(name);
      cpSync(file, path.join(inner, 'modules', name));
    }
  }
  writeFileSync(path.join(inner, 'modules/order'), order.join('\n'));
  writeFileSync(path.join(inner, 'init'), INITRAMFS, { mode: 0o755 });
  const image = path.join(work, `tree/boot/initramfs-${version}.img`);
  run('sh', '-c', 'cd initramfs && find . | cpio --quiet -o -H newc -R 0:0 | gzip -1 >"$1"', 'sh', image);
  cpSync(kernel, path.join(work, `tree/boot/vmlinuz-${version}`));
  writeFileSync(path.join(work, `tree/lib/modules/${version}/modules.builtin`), '');
  return version;
}

/** GRUB of this machine, with its libraries. */
function putGrub(place: (...names: readonly string[]) => string, run: Run): void {
  mkdirSync(place('usr/sbin'), { recursive: true });
  mkdirSync(place('boot/efi/EFI/rocky'), { recursive: true });
  const core = ['-O', 'x86_64-efi', '-p', '/EFI/rocky', '-o', place('boot/efi/EFI/rocky/grubx64.efi')];
  run('grub-mkimage', ...core, ...EFI_MODULES.split(' '));
  mkdirSync(place('usr/lib/grub'), { recursive: true });
  cpSync('/usr/lib/grub/i386-pc', place('usr/lib/grub/i386-pc'), { recursive: true });
  for (const tool of ['grub-install', 'grub-probe', 'grub-bios-setup', 'grub-mkimage']) {
    const file = run('sh', '-c', 'command -v "$1" || ls "/usr/lib/grub/i386-pc/$1"', 'sh', tool).trim();
    run('cp', '-L', file, place('usr/sbin', tool));
    for (const [library] of run('ldd', file).matchAll(/\/\S+/g)) {
      mkdirSync(path.dirname(place(library)), { recursive: true });
      run('cp', '-L', library, place(library));
    }
  }
}

/** What the core of GRUB for UEFI finds the system with. */
const EFI_MODULES =
  'part_gpt part_msdos fat ext2 search search_fs_uuid normal configfile linux gzio echo test serial terminal sleep reboot boot';

/** One source package for all, signed. */
function buildPackages(work: string, all: readonly Package[], run: Run): void {
  const parts = all.map(
    ({ name, provides, requires, files = [], post }) => `%package -n ${name}
Summary: ${name} of a test
AutoReqProv: no
${provides === undefined ? '' : `Provides: ${provides}\n`}${requires === undefined ? '' : `Requires: ${requires}\n`}
%description -n ${name}
It is part of a test.
${post === undefined ? '' : `%post -n ${name}\n${post}\n`}
%files -n ${name}
%defattr(-,root,root)
${files.join('\n')}
`,
  );
  const spec = `Name: tiny
Version: 1.0
Release: 1
Summary: A distribution
License: MIT
%global __os_install_post %{nil}
%description
It is part of a test.
%install
cp -a ${path.join(work, 'tree')}/. %{buildroot}
${parts.join('\n')}`;
  writeFileSync(path.join(work, 'tiny.spec'), spec);
  const defines = [`_topdir ${work}`, '_build_id_links none', '_binary_payload w1.gzdio', '_docdir /nowhere'];
  run('rpmbuild', '-bb', '--quiet', ...defines.flatMap((one) => ['--define', one]), 'tiny.spec');
  mkdirSync(path.join(work, 'keys'), { mode: 0o700 });
  run('gpg', '--batch', '--passphrase', '', '--quick-generate-key', 'tiny@example.org', 'rsa2048');
  const files = readdirSync(path.join(work, 'RPMS/x86_64')).map((file) =>
    path.join(work, 'RPMS/x86_64', file),
  );
  run(
    'rpmsign',
    '--define',
    '_gpg_name tiny@example.org',
    '--define',
    '__gpg /usr/bin/gpg',
    '--addsign',
    ...files,
  );
}
