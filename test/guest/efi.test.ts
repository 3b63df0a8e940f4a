// A boot loader for UEFI, on an EFI system partition: a file system that not every kernel has, and this guest's does.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TestProject } from '../rig/project.ts';
import { buildLayer, copyTools, tinyDisk } from '../rig/tiny.ts';

test('grub-install puts its removable loader on the ESP, which names no device of the host', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk({
      more: `mkfs.vfat "$DEVICE"p2
${copyTools('grub-install', 'grub-probe', 'udevadm')}
mv "$root/opt/udevadm" "$root/bin" # grub-install asks it for the place of a disk in /sys
mkdir -p "$root/usr/lib/grub"
cp -r /usr/lib/grub/x86_64-efi "$root/usr/lib/grub"`,
    }).replace('type=linux\\n', 'size=150M,type=linux\\ntype=uefi\\n'),
    'layers/20_boot/build-layer': buildLayer(
      `/opt/grub-install --target=x86_64-efi --removable --efi-directory=/efi
echo "on $(/opt/grub-probe -t fs /efi) at $(/opt/grub-probe -t device /efi)"
for text in "(,gpt1)/boot/grub" "\${VLB_DISK#/dev/}"; do
  tr '\\0' '\\n' < /efi/EFI/BOOT/BOOTX64.EFI | grep -qF "$text" && echo has || echo 'has not'
done`,
      '# chroot-mount p2 /efi',
    ),
  });
  const built = await project.build();
  assert.equal(built.status, 0, built.told);
  assert.match(built.output, /No error reported\.\non fat at \/dev\/\w+p2\nhas\nhas not$/);
});
