// Makes bootable ISO images: GRUB's images for BIOS and UEFI, and xorriso. grub-mkrescue would put the time of the run into them.

import { existsSync, mkdirSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fail, ok, type Result } from '../../model/failure.ts';
import type { IsoContent } from '../../model/ports/exporter.ts';
import { dyingWithParent } from '../process/lifetime.ts';
import { packageHint } from '../process/packages.ts';
import { isInstalled, missingTool, type Output, run } from '../process/run.ts';
import { setTimes } from './times.ts';

/** GRUB's name for a platform; where distributions have its modules; and the format of an image for it. */
const PLATFORMS = {
  bios: { name: 'i386-pc', format: 'i386-pc-eltorito' },
  uefi: { name: 'x86_64-efi', format: 'x86_64-efi' },
} as const;
const PLACES = ['/usr/lib/grub', '/usr/share/grub2', '/usr/share/grub'];

/** What finds the file system, and boots a kernel from a menu. */
const MODULES = [
  ...['iso9660', 'part_gpt', 'part_msdos', 'fat', 'search', 'search_fs_file'],
  ...['normal', 'configfile', 'linux', 'test', 'echo'],
];

/** The least that xorriso and mtools can express, 1980: the time of everything. */
const EPOCH = '315532800';

/** See Media.iso of src/model/ports/exporter.ts. */
export async function writeIso(
  { directory, label, mark, scratch }: IsoContent,
  target: string,
  signal: AbortSignal,
): Promise<Result<void>> {
  for (const tool of ['xorriso', 'mformat']) if (!isInstalled(tool)) return missingTool(tool);
  const work = path.join(scratch, 'grub');
  mkdirSync(work);
  const early = path.join(work, 'early.cfg');
  writeFileSync(early, `search --no-floppy --set=root --file /${mark}\nset prefix=($root)/boot/grub\n`);
  const tool = (command: string, args: readonly string[]) => runTool(command, args, signal);

  const bios = path.join(directory, 'boot/grub/bios.img');
  const madeBios = await grubImage('bios', early, bios, ['biosdisk'], tool);
  if (!madeBios.ok) return madeBios;
  const loader = path.join(work, 'BOOTX64.EFI');
  const madeUefi = await grubImage('uefi', early, loader, ['efi_gop', 'all_video'], tool);
  if (!madeUefi.ok) return madeUefi;
  const esp = path.join(work, 'esp.img');
  const filled = await writeEsp(loader, esp, tool);
  if (!filled.ok) return filled;

  setTimes(directory, Number(EPOCH));
  const written = await tool('xorriso', [
    ...['-as', 'mkisofs', '-quiet', '-o', target, '-volid', label, '-iso-level', '3'],
    // All files belong to root.
    ...['-rational-rock', '-joliet'],
    ...['--set_all_file_dates', 'set_to_mtime'],
    // For a BIOS, on a disc and on a disk.
    ...['-b', 'boot/grub/bios.img', '-no-emul-boot', '-boot-load-size', '4', '-boot-info-table'],
    ...['--grub2-boot-info', '--grub2-mbr', path.join(madeBios.value, 'boot_hybrid.img')],
    // For UEFI: the ESP is a partition, and what the disc boots.
    ...['-append_partition', '2', '0xef', esp, '-appended_part_as_gpt'],
    ...['-eltorito-alt-boot', '-e', '--interval:appended_partition_2:all::', '-no-emul-boot'],
    directory,
  ]);
  return written.ok ? ok() : written;
}

type RunTool = (command: string, args: readonly string[]) => Promise<Result<Output>>;

async function runTool(
  command: string,
  args: readonly string[],
  signal: AbortSignal,
): Promise<Result<Output>> {
  const env = { SOURCE_DATE_EPOCH: EPOCH, TZ: 'UTC', MTOOLSRC: '/dev/null', MTOOLS_SKIP_CHECK: '1' };
  return run(...dyingWithParent('KILL', command, args), { signal, env });
}

/** Makes an image of GRUB. Returns the directory of its modules. */
async function grubImage(
  platform: keyof typeof PLATFORMS,
  early: string,
  target: string,
  modules: readonly string[],
  tool: RunTool,
): Promise<Result<string>> {
  const { name, format } = PLATFORMS[platform];
  const command = ['grub-mkimage', 'grub2-mkimage'].find(isInstalled);
  if (command === undefined) return missingTool('grub-mkimage');
  const directory = PLACES.map((place) => path.join(place, name)).find((place) =>
    existsSync(path.join(place, 'moddep.lst')),
  );
  if (directory === undefined) {
    return fail('host', `GRUB for ${name} is not installed`, { hint: packageHint(`GRUB for ${name}`) });
  }
  const made = await tool(command, [
    ...['--directory', directory, '--format', format, '--output', target],
    ...['--prefix', '/boot/grub', '--config', early],
    ...MODULES,
    ...modules,
  ]);
  return made.ok ? ok(directory) : made;
}

const MEBIBYTE = 1024 ** 2;

/** Makes the file system that UEFI reads its boot loader from. */
async function writeEsp(loader: string, esp: string, tool: RunTool): Promise<Result<void>> {
  writeFileSync(esp, '');
  truncateSync(esp, Math.ceil(statSync(loader).size / MEBIBYTE + 1) * MEBIBYTE);
  for (const [command, ...args] of [
    ['mformat', '-i', esp, '-N', '00000000', '-v', 'ESP', '::'],
    ['mmd', '-i', esp, '::/EFI', '::/EFI/BOOT'],
    ['mcopy', '-i', esp, loader, '::/EFI/BOOT/BOOTX64.EFI'],
  ] as const) {
    const done = await tool(command, args);
    if (!done.ok) return done;
  }
  return ok();
}
