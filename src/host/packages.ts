// Which Debian package holds each external tool that vlb calls, so that a missing one is told with its cure.

const PACKAGE_OF: Readonly<Record<string, string>> = {
  'qemu-img': 'qemu-utils',
  'qemu-nbd': 'qemu-utils',
  'qemu-storage-daemon': 'qemu-system-common',
  'qemu-system-x86_64': 'qemu-system-x86',
  'qemu-system-aarch64': 'qemu-system-arm',
  xorriso: 'xorriso',
  xz: 'xz-utils',
  sfdisk: 'fdisk',
  losetup: 'mount',
  mount: 'mount',
  umount: 'mount',
  blkid: 'util-linux',
  fstrim: 'util-linux',
  partx: 'util-linux',
  unshare: 'util-linux',
  sudo: 'sudo',
};

/** The command that installs a missing tool, as advice to print. */
export function packageHint(tool: string): string {
  const name = PACKAGE_OF[tool];
  return name === undefined ? `install ${tool}` : `apt-get install ${name}`;
}
