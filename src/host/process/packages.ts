// The package of each external tool that vlb calls, for hints on missing tools.

import { existsSync } from 'node:fs';
import { textIfAny } from '../../util/fs.ts';

const COMMANDS = {
  apt: 'apt-get install',
  dnf: 'dnf install',
  pacman: 'pacman -S',
  zypper: 'zypper install',
} as const;

export type PackageManager = keyof typeof COMMANDS;

/** Package names for the four package managers, in the order of COMMANDS; one name where all agree; '' if unknown. */
type Packages = string | readonly [apt: string, dnf: string, pacman: string, zypper: string];

const QEMU_TOOLS: Packages = ['qemu-utils', 'qemu-img', 'qemu-img', 'qemu-img'];
const MOUNT: Packages = ['mount', 'util-linux', 'util-linux', 'util-linux'];

const PACKAGES_OF: Readonly<Record<string, Packages>> = {
  'qemu-img': QEMU_TOOLS,
  'qemu-nbd': QEMU_TOOLS,
  'qemu-storage-daemon': ['qemu-system-common', 'qemu-img', 'qemu-img', 'qemu-img'],
  'qemu-system-x86_64': ['qemu-system-x86', 'qemu-system-x86', 'qemu-system-x86', 'qemu-x86'],
  'qemu-system-aarch64': ['qemu-system-arm', 'qemu-system-aarch64', 'qemu-system-aarch64', 'qemu-arm'],
  'UEFI x86_64': ['ovmf', 'edk2-ovmf', 'edk2-ovmf', 'qemu-ovmf-x86_64'],
  'UEFI aarch64': ['qemu-efi-aarch64', 'edk2-aarch64', 'edk2-aarch64', 'qemu-uefi-aarch64'],
  'qemu-user-static': [
    'qemu-user-static',
    'qemu-user-static',
    'qemu-user-static qemu-user-static-binfmt',
    'qemu-linux-user',
  ],
  virsh: ['libvirt-clients', 'libvirt-client', 'libvirt', 'libvirt-client'],
  sbatch: ['slurm-client', 'slurm', 'slurm-llnl', 'slurm'],
  squeue: ['slurm-client', 'slurm', 'slurm-llnl', 'slurm'],
  scancel: ['slurm-client', 'slurm', 'slurm-llnl', 'slurm'],
  wipefs: 'util-linux',
  blockdev: 'util-linux',
  xorriso: ['xorriso', 'xorriso', 'libisoburn', 'xorriso'],
  mksquashfs: ['squashfs-tools', 'squashfs-tools', 'squashfs-tools', 'squashfs'],
  busybox: ['busybox-static', 'busybox', 'busybox', 'busybox-static'],
  'grub-mkimage': ['grub-common', 'grub2-tools', 'grub', 'grub2'],
  'GRUB for i386-pc': ['grub-pc-bin', 'grub2-pc-modules', 'grub', 'grub2-i386-pc'],
  'GRUB for x86_64-efi': ['grub-efi-amd64-bin', 'grub2-efi-x64-modules', 'grub', 'grub2-x86_64-efi'],
  mformat: 'mtools',
  mcopy: 'mtools',
  cpio: 'cpio',
  pigz: 'pigz',
  zstd: 'zstd',
  lz4: 'lz4',
  xz: ['xz-utils', 'xz', 'xz', 'xz'],
  bzip2: 'bzip2',
  unzip: 'unzip',
  tar: 'tar',
  getfattr: 'attr',
  gpg: ['gpg', 'gnupg2', 'gnupg', 'gpg2'],
  skopeo: 'skopeo',
  gpgv: ['gpgv', 'gnupg2', 'gnupg', 'gpg2'],
  rpm: 'rpm',
  'ansible-playbook': 'ansible',
  mmdebstrap: ['mmdebstrap', '', '', ''],
  dnf: ['dnf', 'dnf', '', 'dnf'],
  'apt-get': ['apt', '', '', ''],
  vgcreate: 'lvm2',
  lvcreate: 'lvm2',
  cryptsetup: 'cryptsetup',
  'mkfs.ext4': 'e2fsprogs',
  'mkfs.ext3': 'e2fsprogs',
  'mkfs.xfs': 'xfsprogs',
  'mkfs.vfat': 'dosfstools',
  'mkfs.btrfs': ['btrfs-progs', 'btrfs-progs', 'btrfs-progs', 'btrfsprogs'],
  mkswap: 'util-linux',
  e2fsck: 'e2fsprogs',
  mke2fs: 'e2fsprogs',
  tune2fs: 'e2fsprogs',
  ip: ['iproute2', 'iproute', 'iproute2', 'iproute2'],
  modprobe: 'kmod',
  pasta: 'passt',
  resize2fs: 'e2fsprogs',
  xfs_growfs: 'xfsprogs',
  btrfs: ['btrfs-progs', 'btrfs-progs', 'btrfs-progs', 'btrfsprogs'],
  sfdisk: ['fdisk', 'util-linux', 'util-linux', 'util-linux'],
  losetup: MOUNT,
  mount: MOUNT,
  umount: MOUNT,
  blkid: 'util-linux',
  flock: 'util-linux',
  fstrim: 'util-linux',
  partx: 'util-linux',
  setpriv: 'util-linux',
  setsid: 'util-linux',
  unshare: 'util-linux',
  script: ['bsdutils', '', 'util-linux', 'util-linux'],
  sudo: 'sudo',
  diff: 'diffutils',
  find: 'findutils',
  xargs: 'findutils',
  nsenter: 'util-linux',
};

/** The names that /etc/os-release has in ID and ID_LIKE. */
const MANAGER_OF: Readonly<Record<string, PackageManager>> = {
  debian: 'apt',
  ubuntu: 'apt',
  fedora: 'dnf',
  rhel: 'dnf',
  centos: 'dnf',
  arch: 'pacman',
  suse: 'zypper',
  opensuse: 'zypper',
};

/** The command that installs a missing tool, for a hint. */
export function packageHint(tool: string, manager = hostPackageManager()): string {
  const packages = PACKAGES_OF[tool];
  if (packages === undefined || manager === undefined) return `install ${tool}`;
  const name = typeof packages === 'string' ? packages : packages[Object.keys(COMMANDS).indexOf(manager)];
  return name ? `${COMMANDS[manager]} ${name}` : `install ${tool}`;
}

/**
 * The package manager of a distribution; the installed one if the distribution is unknown.
 * @param osRelease the text of os-release(5)
 */
export function packageManager(
  osRelease: string,
  isThere: (file: string) => boolean,
): PackageManager | undefined {
  const words = ['ID', 'ID_LIKE'].flatMap((field) => {
    const value = new RegExp(`^${field}=(.*)$`, 'm').exec(osRelease)?.[1] ?? '';
    return value.replaceAll(/["']/g, '').split(' ');
  });
  for (const word of words) {
    const known = MANAGER_OF[word] ?? MANAGER_OF[word.replace(/-.*/, '')]; // opensuse-leap
    if (known !== undefined) return known;
  }
  if (isThere('/usr/bin/apt-get')) return 'apt';
  return (['dnf', 'pacman', 'zypper'] as const).find((name) => isThere(`/usr/bin/${name}`));
}

function hostPackageManager(): PackageManager | undefined {
  const osRelease = textIfAny('/etc/os-release') ?? textIfAny('/usr/lib/os-release');
  return packageManager(osRelease ?? '', existsSync);
}
