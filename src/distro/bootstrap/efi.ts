// GRUB on an EFI system partition, without mounting it: not every kernel has vfat, and no firmware need be asked.

import type { PlannedDisk, PlannedPartition } from '../../model/system/layout.ts';
import { quoteWord } from '../../util/quote.ts';
import { writeText } from '../shell-text.ts';

interface EfiFirmware {
  /** GRUB's name of it. */
  readonly target: string;
  /** Where firmware looks for the boot loader of a disk that it does not know. */
  readonly file: string;
}

const EFI: Readonly<Record<string, EfiFirmware>> = {
  x64: { target: 'x86_64-efi', file: 'BOOTX64.EFI' },
  arm64: { target: 'arm64-efi', file: 'BOOTAA64.EFI' },
};

/** The EFI system partition that vlb writes a boot loader to. */
export function espOf({ partitions }: PlannedDisk): PlannedPartition | undefined {
  return partitions.find(({ role }) => role === 'esp');
}

/** What the core of GRUB needs to find its own directory on every disk that vlb plans; the rest it loads from there. */
const MODULES =
  'part_gpt part_msdos fat ext2 xfs btrfs search search_fs_uuid normal configfile linux gzio echo test all_video gfxterm';

/**
 * Lines that put GRUB onto the EFI system partition, with the GRUB that is installed at `"$root"`; its directory is /boot/grub of the
 * system, which it finds by the UUID of the file system.
 */
export function installEfi(disk: PlannedDisk, architecture: string): string {
  const esp = espOf(disk);
  const firmware = EFI[architecture];
  const home = grubHome(disk);
  if (!esp || !firmware || !home) return '';
  const { target, file } = firmware;
  const core = `search.fs_uuid ${home.uuid} root\nset prefix=($root)${home.directory}\n`;
  return `# The boot loader for UEFI. mtools puts it there, since not every kernel can mount the partition.
mkdir -p "$root/boot/grub/${target}" "$root/boot/efi"
cp "$root"/usr/lib/grub/${target}/*.mod "$root"/usr/lib/grub/${target}/*.lst "$root/boot/grub/${target}"
${writeText('"$root/tmp/core.cfg"', core)}
chroot "$root" grub-mkimage -O ${target} -c /tmp/core.cfg -p ${home.directory} -o /tmp/core.efi \\
  ${MODULES}
esp=\${device}p${esp.number}
mmd -i "$esp" ::/EFI ::/EFI/BOOT
mcopy -i "$esp" "$root/tmp/core.efi" ::/EFI/BOOT/${file}
rm "$root/tmp/core.cfg" "$root/tmp/core.efi"
`;
}

/**
 * Lines that put onto the EFI system partition what packages have for it below /boot/efi, where it is not mounted, with a configuration that
 * leads to GRUB's own in /boot/grub2.
 */
export function installPackagedEfi(disk: PlannedDisk, architecture: string): string {
  const esp = espOf(disk);
  const firmware = EFI[architecture];
  const home = grubHome(disk, 'grub2');
  if (!esp || !firmware || !home) return '';
  const { file } = firmware;
  const lead = [
    `search --no-floppy --fs-uuid --set=dev ${home.uuid}`,
    `set prefix=($dev)${home.directory}`,
    'export prefix',
    'configfile $prefix/grub.cfg',
  ];
  return `# The boot loader for UEFI. mtools puts it there, since not every kernel can mount the partition.
for vendor in "$root"/boot/efi/EFI/*; do
  if [ "\${vendor##*/}" = BOOT ] || [ ! -d "$vendor" ]; then continue; fi
  printf '%s\\n' ${lead.map(quoteWord).join(' \\\n    ')} >"$vendor/grub.cfg"
  for core in "$vendor"/grub*.efi; do
    if [ -e "$root/boot/efi/EFI/BOOT/${file}" ] || [ ! -e "$core" ]; then continue; fi
    mkdir -p "$root/boot/efi/EFI/BOOT"
    cp "$core" "$root/boot/efi/EFI/BOOT/${file}"
    cp "$vendor/grub.cfg" "$root/boot/efi/EFI/BOOT"
  done
done
if [ -d "$root/boot/efi/EFI" ]; then
  mcopy -s -i "\${device}p${esp.number}" "$root/boot/efi/EFI" ::
  rm -r "$root/boot/efi/EFI"
fi
`;
}

/** The UUID of the file system with GRUB's directory, and its path there. @param name of the directory in /boot */
function grubHome(
  { partitions }: PlannedDisk,
  name = 'grub',
): { readonly uuid: string; readonly directory: string } | undefined {
  for (const [target, below] of [
    ['/boot', `/${name}`],
    ['/', `/boot/${name}`],
  ]) {
    for (const { content } of partitions) {
      const mount = content?.mounts.find((one) => one.target === target);
      if (!content || !mount) continue;
      const above = mount.subvolume === undefined ? '' : `/${mount.subvolume}`;
      return { uuid: content.uuid, directory: `${above}${below}` };
    }
  }
  return undefined;
}
