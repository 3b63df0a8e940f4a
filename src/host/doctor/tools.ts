// Checks that the external tools are installed, and that those whose version matters are recent enough.

import type { Finding } from '../../model/ports/checkup.ts';
import { ARCHITECTURES } from '../boot/prepare.ts';
import { packageHint } from '../process/packages.ts';
import { isInstalled, run } from '../process/run.ts';
import { isRoot } from '../process/sudo.ts';
import type { TOOLS } from '../system/host.ts';

interface Tool extends Pick<Finding, 'group' | 'name' | 'purpose'>, Partial<Pick<Finding, 'needed'>> {
  /** The oldest version that works. Only tools with this are run. */
  readonly atLeast?: string;
  /** The advice where no package has the tool. */
  readonly cure?: string;
}

/** Every tool that a build requires before it begins, and what the root shell calls. */
const BUILD: Readonly<Record<(typeof TOOLS)[number] | 'umount', string>> = {
  'qemu-img': 'creates and measures disks',
  unshare: 'gives each layer its own namespaces',
  nsenter: 'starts daemons, and joins a running layer',
  setpriv: 'drops capabilities of scripts; ends QEMU when vlb is killed',
  losetup: 'turns a file into a block device',
  mount: 'mounts the disk that a script changes',
  umount: 'unmounts it',
  blkid: 'identifies the file system of a partition',
  partx: 'finds the partitions of a disk',
  fstrim: 'frees the space of deleted files',
};

/** The first version with the FUSE export. */
const OLDEST_QEMU = '6.0';

const SYSTEMS = 'layers with a system';

/** Advice for what only Debian has. */
const NO_DEBIAN = 'or start from an image instead: vlb init --base cloud';

/** A finding for each tool, whether it is installed or not. */
export function checkTools(): Promise<readonly Finding[]> {
  return Promise.all(tools().map(checkTool));
}

function tools(): readonly Tool[] {
  const arch = ARCHITECTURES[process.arch];
  const [build, boot, nbd] = ['vlb build', 'vlb test-boot', 'vlb build --nbd'] as const;
  const [exported, published] = ['vlb export', 'vlb publish'] as const;
  const deployed = 'vlb deploy';
  const needed = (name: string, purpose: string): Tool => ({
    ...{ group: build, name, purpose, needed: true },
    ...(name.startsWith('qemu-') ? { atLeast: OLDEST_QEMU } : {}),
  });
  return [
    ...Object.entries(BUILD).map(([name, purpose]) => needed(name, purpose)),
    needed('qemu-storage-daemon', 'exports a qcow2 disk as a plain file'),
    ...(isRoot() ? [] : [needed('setsid', 'keeps ^C in the terminal away from the root shell')]),
    { group: build, name: 'xz', purpose: 'unpacks .xz base images' },
    { group: build, name: 'bzip2', purpose: 'unpacks .bz2 base images' },
    { group: build, name: 'zstd', purpose: 'unpacks .zst base images' },
    { group: build, name: 'lz4', purpose: 'unpacks .lz4 base images' },
    { group: build, name: 'unzip', purpose: 'takes base images out of .zip archives' },
    { group: build, name: 'gpgv', purpose: 'verifies signed checksums of base images' },
    {
      group: build,
      name: 'sfdisk',
      purpose: 'grows the partition of a base image, and writes partition tables',
    },
    { group: build, name: 'resize2fs', purpose: 'grows a base image on ext4' },
    { group: build, name: 'xfs_growfs', purpose: 'grows a base image on xfs' },
    { group: build, name: 'btrfs', purpose: 'grows a base image on btrfs' },
    { group: build, name: 'tar', purpose: 'takes base images out of tar archives and .ova files' },
    { group: build, name: 'ansible-playbook', purpose: 'runs the playbooks of steps' },
    ...(arch
      ? [{ group: boot, name: `qemu-system-${arch}`, purpose: 'boots images', atLeast: OLDEST_QEMU }]
      : []),
    { group: boot, name: 'xorriso', purpose: 'creates the seed disk for test-boot/user-data' },
    { group: exported, name: 'getfattr', purpose: 'compares layers for the formats oci and docker' },
    { group: exported, name: 'pigz', purpose: 'writes the formats raw.gz, gce, oci and containerdisk' },
    { group: exported, name: 'xz', purpose: 'writes the format raw.xz, and rootfs with compression xz' },
    { group: exported, name: 'zstd', purpose: 'writes the format raw.zst, and others with compression zstd' },
    {
      group: exported,
      name: 'tar',
      purpose: 'writes the formats gce, ova, vagrant-*, rootfs, oci, docker and containerdisk',
    },
    { group: exported, name: 'mksquashfs', purpose: 'writes the formats ramdisk and iso' },
    { group: exported, name: 'cpio', purpose: 'writes the formats ramdisk and iso' },
    { group: exported, name: 'busybox', purpose: 'is in ramdisk and iso; a static one' },
    { group: exported, name: 'grub-mkimage', purpose: 'writes the format iso' },
    { group: exported, name: 'mformat', purpose: 'writes the format iso' },
    { group: exported, name: 'xorriso', purpose: 'writes the format iso' },
    { group: published, name: 'xz', purpose: 'compresses templates' },
    { group: published, name: 'gpg', purpose: 'signs the index of a repository' },
    { group: published, name: 'skopeo', purpose: 'pushes container images to registries' },
    { group: 'vlb sbom and vlb diff', name: 'rpm', purpose: 'reads the packages of images with rpm' },
    { group: deployed, name: 'virsh', purpose: 'defines and starts machines in libvirt' },
    { group: deployed, name: 'script', purpose: 'shows the console of a guest to --check console:…' },
    { group: deployed, name: 'wipefs', purpose: 'finds out whether a block device holds something' },
    { group: nbd, name: 'qemu-nbd', purpose: 'connects a qcow2 disk to a network block device' },
    { group: nbd, name: 'flock', purpose: 'keeps two builds from using one device' },
    { group: SYSTEMS, name: 'mkfs.ext4', purpose: 'makes ext4 file systems' },
    { group: SYSTEMS, name: 'mkfs.vfat', purpose: 'makes the EFI system partition' },
    { group: SYSTEMS, name: 'mcopy', purpose: 'puts the boot loader on the EFI system partition' },
    { group: SYSTEMS, name: 'mkfs.xfs', purpose: 'makes xfs file systems' },
    { group: SYSTEMS, name: 'mkfs.btrfs', purpose: 'makes btrfs file systems' },
    { group: SYSTEMS, name: 'mmdebstrap', purpose: 'installs Debian and Ubuntu', cure: NO_DEBIAN },
    { group: SYSTEMS, name: 'dnf', purpose: 'installs Fedora, Enterprise Linux and Amazon Linux' },
    {
      group: SYSTEMS,
      name: 'apt-get',
      purpose: 'knows the mirror of this machine',
      cure: NO_DEBIAN,
    },
  ];
}

async function checkTool({ atLeast, cure, needed = false, ...tool }: Tool): Promise<Finding> {
  const { name } = tool;
  if (!isInstalled(name)) {
    const hint = packageHint(name);
    const known = hint !== `install ${name}`;
    return { ...tool, needed, state: 'missing', cure: known ? hint : (cure ?? hint) };
  }
  if (atLeast === undefined) return { ...tool, needed, state: 'ok' };
  const problem = (detail: string): Finding => {
    return { ...tool, needed, state: 'problem', detail, cure: packageHint(name) };
  };
  const asked = await run(name, ['--version']);
  if (!asked.ok) return problem([asked.failure.message, ...(asked.failure.detail ?? [])].join(': '));
  const version = /\d+(\.\d+)+/.exec(asked.value.stdout)?.[0] ?? '';
  return isOlder(version, atLeast)
    ? problem(`${version} is older than ${atLeast}`)
    : { ...tool, needed, state: 'ok', detail: version };
}

/** Compares `7.2.1` with `6.0`; an empty version is not older. */
export function isOlder(version: string, minimum: string): boolean {
  if (version === '') return false;
  const wanted = minimum.split('.').map(Number);
  const found = version.split('.').map(Number);
  for (const [index, part] of wanted.entries()) {
    const other = found[index] ?? 0;
    if (other !== part) return other < part;
  }
  return false;
}
