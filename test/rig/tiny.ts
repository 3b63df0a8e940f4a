// Scripts for a tiny real system: a disk with busybox on it, made in half a second.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import path from 'node:path';

/** What every tiny system holds besides the shell. */
const TOOLS =
  'sh ls cat touch mkdir rmdir cp mv rm ln dd ps mount umount env sleep id stat find grep hostname readlink head tail wc chmod kill test true false printf echo df sync setsid seq';

/** Commands that put busybox and an os-release into the directory that $1 of the shell function names. */
export const FILL = `fill() {
  mkdir -p "$1/bin" "$1/etc" "$1/root"
  cp /bin/busybox "$1/bin/busybox"
  for tool in ${TOOLS}; do ln -s busybox "$1/bin/$tool"; done
  echo 'ID=tiny' > "$1/etc/os-release"
  echo 'root:x:0:0:root:/root:/bin/sh' > "$1/etc/passwd"
}`;

const MKFS: Readonly<Record<string, string>> = {
  // Without reserved clusters.
  ext3: 'mkfs.ext3 -q',
  ext4: 'mkfs.ext4 -q -E lazy_itable_init=0,lazy_journal_init=0',
  xfs: 'mkfs.xfs -q',
  btrfs: 'mkfs.btrfs -q',
};

export interface TinyOptions {
  readonly fileSystem?: 'ext3' | 'ext4' | 'xfs' | 'btrfs';
  readonly size?: string;
  /** More shell commands, run while the system is mounted at $root. */
  readonly more?: string;
  /** Leave the file system empty. */
  readonly empty?: boolean;
}

/** A modify-disk that makes a disk with one partition and the tiny system in it. */
export function tinyDisk(options: TinyOptions = {}): string {
  const { fileSystem = 'ext4', size = '256M', more = '', empty = false } = options;
  return `#!/bin/sh
# vlb: from scratch
# vlb: disk-size ${size}
set -eu
DEVICE=$3
${FILL}
printf 'label: gpt\\ntype=linux\\n' | sfdisk -q "$DEVICE"
partx --update "$DEVICE"
${MKFS[fileSystem]} "\${DEVICE}p1"
root=$TMPDIR/root
mkdir "$root"
mount "\${DEVICE}p1" "$root"
${empty ? '' : 'fill "$root"'}
${more}
umount "$root"
`;
}

/** The tiny system with a second disk, `data`, whose file system its fstab mounts at /srv. */
export function tinyWithData(): string {
  const more = `mkdir "$root/srv"; echo 'LABEL=data /srv ext4 defaults 0 2' > "$root/etc/fstab"`;
  const main = tinyDisk({ more }).replace('# vlb: disk-size', '# vlb: disk data 64M\n# vlb: disk-size');
  return `${main}printf 'label: gpt\\ntype=linux\\n' | sfdisk -q "$VLB_DISK_DATA"
partx --update "$VLB_DISK_DATA"
${MKFS['ext4']} -L data "$VLB_DISK_DATA"p1
`;
}

/**
 * Commands that copy programs of this machine to /opt of the tiny system, whose shell would take its own of that name instead,
 * and their libraries.
 */
export function copyTools(...tools: readonly string[]): string {
  return `
PATH=$PATH:/usr/sbin:/sbin
mkdir "$root/opt"
for tool in ${tools.join(' ')}; do
  file=$(command -v "$tool")
  cp -L "$file" "$root/opt"
  for file in $(ldd "$file" | grep -o '/[^ ]*'); do
    mkdir -p "$root\${file%/*}"
    cp -L "$file" "$root$file"
  done
done
`;
}

/** The root, /var and /boot on partitions of their own, and an encrypted volume, named by the fstab. @param more shell commands, run while the root is mounted at $root */
export function partitionedDisk(more = ''): string {
  return `#!/bin/sh
# vlb: from scratch
# vlb: disk-size 256M
set -eu
device=$3 root=$TMPDIR/root
${FILL}
sfdisk -q "$device" <<'TABLE'
label: gpt
size=64M, type=linux
size=32M, type=linux
size=32M, type=linux, name="the boot"
type=linux
TABLE
partx --update "$device"
for number in 1 2 3; do mkfs.ext4 -q -L part$number "$device"p$number; done
printf 'LUKS\\272\\276\\000\\001' > "$device"p4 # enough of an encrypted volume for blkid
mkdir "$root"
mount "$device"p1 "$root"
fill "$root"
mkdir "$root/var" "$root/boot"
${more}
{
  echo "LABEL=part1 / ext4 defaults 0 1"
  echo "UUID=$(blkid -p -o value -s UUID "$device"p2) /var ext4 defaults 0 2"
  echo 'PARTLABEL=the\\\\040boot /boot ext4 ro,noatime 0 2'
  echo "LABEL=gone /gone ext4 nofail 0 2"
  echo "/dev/vda4 none swap sw 0 0"
  echo "tmpfs /tmp tmpfs defaults 0 0"
} > "$root/etc/fstab"
umount "$root"
`;
}

/** A modify-disk that makes a disk without a partition table: the file system begins at its first byte. */
export function tinyDiskWithoutTable(): string {
  return `#!/bin/sh
# vlb: from scratch
# vlb: disk-size 64M
set -eu
${FILL}
mkfs.ext4 -q "$3"
mkdir "$TMPDIR/root"
mount "$3" "$TMPDIR/root"
fill "$TMPDIR/root"
umount "$TMPDIR/root"
`;
}

/** A build-layer with these commands. */
export function buildLayer(commands: string, hints = ''): string {
  return `#!/bin/sh\n${hints}${hints === '' ? '' : '\n'}set -eu\n${commands}\n`;
}

/** Makes an image of the tiny system, without root: an ext4 without a partition table. @param file of format qcow2 */
export function tinyImage(file: string): void {
  const work = mkdtempSync(path.join(path.dirname(file), 'tiny-'));
  const root = path.join(work, 'root');
  execFileSync('sh', ['-euc', `${FILL}\nfill "$1"`, 'sh', root]);
  const raw = path.join(work, 'raw');
  const options = ['-q', '-F', '-t', 'ext4', '-E', 'root_owner=0:0', '-d', root, raw, '64M'];
  execFileSync('mke2fs', options, {
    env: { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/sbin` },
  });
  execFileSync('qemu-img', ['convert', '-f', 'raw', '-O', 'qcow2', raw, file]);
  rmSync(work, { recursive: true });
}
