// Console texts of guests that will never become ready.

export interface Symptom {
  /** Matched against the console's text. */
  readonly pattern: RegExp;
  /** What it means, as the predicate of "the guest": `panicked`. */
  readonly meaning: string;
  readonly hint?: string;
}

/** After each of these texts a boot does not continue. */
export const SYMPTOMS: readonly Symptom[] = [
  // Linux, kernel/panic.c; the reason follows on the same line.
  { pattern: /Kernel panic - not syncing/, meaning: 'panicked' },
  // Linux, init/do_mounts.c. The panic comes next, but this line names the device.
  {
    pattern: /VFS: (?:Unable to mount root fs|Cannot open root device)/,
    meaning: 'cannot mount its root file system',
    hint: 'check root= on the kernel command line, and that the initramfs has the virtio_blk driver',
  },
  // systemd's emergency.service and rescue.service; sulogin of util-linux.
  {
    pattern:
      /You are in (?:emergency|rescue) mode|Give root password for maintenance|^Press Enter for maintenance/m,
    meaning: 'stopped in emergency mode',
    hint: 'check /etc/fstab for devices that do not exist',
  },
  {
    pattern: /Cannot open access to console, the root account is locked/,
    meaning: 'stopped in emergency mode',
  },
  // dracut (Fedora, Enterprise Linux, SUSE).
  { pattern: /Entering emergency mode\. Exit the shell|^dracut:\/#/m, meaning: 'stopped in its initramfs' },
  // initramfs-tools (Debian, Ubuntu).
  {
    pattern: /does not exist\. +Dropping to a shell!|^\(initramfs\)/m,
    meaning: 'stopped in its initramfs',
    hint: 'check root= on the kernel command line',
  },
  // mkinitfs (Alpine); mkinitcpio (Arch).
  {
    pattern: /initramfs emergency recovery shell launched|You are now being dropped into an emergency shell/,
    meaning: 'stopped in its initramfs',
  },
  // systemd, src/core/main.c: process 1 crashed.
  { pattern: /systemd\[1\]: .*Freezing execution/, meaning: 'stopped because its init crashed' },
  // GRUB without its modules, and without its configuration.
  {
    pattern: /^grub(?: rescue)?> /m,
    meaning: 'stopped in its boot loader',
    hint: 'run grub-install and update-grub in a layer: GRUB found no modules or no grub.cfg',
  },
  // SYSLINUX and its variants.
  { pattern: /No DEFAULT or UI configuration directive found/, meaning: 'stopped in its boot loader' },
  // Boot sectors of Windows, syslinux's mbr.bin and parted.
  {
    pattern: /^(?:Missing operating system|Operating system not found|Error loading operating system)/im,
    meaning: 'has no working boot loader',
  },
  // SeaBIOS, src/boot.c.
  {
    pattern: /^No bootable device/m,
    meaning: 'has nothing to boot from',
    hint: 'install a boot loader for BIOS in a layer (grub-install)',
  },
  // EDK II (OVMF, AAVMF).
  {
    pattern: /BdsDxe: No bootable option or device was found|UEFI Interactive Shell|^Shell> /m,
    meaning: 'has nothing to boot from',
    hint: 'run grub-install --removable in a layer: the EFI system partition has no EFI/BOOT/BOOT*.EFI',
  },
];
