// Which firmware boots an image: QEMU's built-in BIOS, or a UEFI installed on the host.

import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fail, ok, type Result } from '../../../model/failure.ts';
import type { DiskImage } from '../../../model/ports/viewer.ts';
import { packageHint } from '../../process/packages.ts';
import { run } from '../../process/run.ts';

export type GuestArch = 'x86_64' | 'aarch64';

/** A UEFI: its code, and the template of its variables. */
export interface UefiFirmware {
  readonly code: string;
  readonly variables: string;
}

const SECTOR = 512;
const LARGE_SECTOR = 4096;
/** UEFI specification, 5.2.1: boot code, then four partition entries of 16 bytes with the type in the fifth. */
const BOOT_CODE_BYTES = 440;
const PARTITION_TABLE_AT = 446;
const EFI_SYSTEM_PARTITION = 0xef;

/** Where distributions install EDK II: Debian and Ubuntu, Fedora and Enterprise Linux, Arch, SUSE. */
const PLACES: Readonly<Record<GuestArch, readonly UefiFirmware[]>> = {
  x86_64: [
    { code: '/usr/share/OVMF/OVMF_CODE_4M.fd', variables: '/usr/share/OVMF/OVMF_VARS_4M.fd' },
    { code: '/usr/share/OVMF/OVMF_CODE.fd', variables: '/usr/share/OVMF/OVMF_VARS.fd' },
    { code: '/usr/share/edk2/ovmf/OVMF_CODE.fd', variables: '/usr/share/edk2/ovmf/OVMF_VARS.fd' },
    { code: '/usr/share/edk2/x64/OVMF_CODE.4m.fd', variables: '/usr/share/edk2/x64/OVMF_VARS.4m.fd' },
    { code: '/usr/share/qemu/ovmf-x86_64-code.bin', variables: '/usr/share/qemu/ovmf-x86_64-vars.bin' },
  ],
  aarch64: [
    { code: '/usr/share/AAVMF/AAVMF_CODE.fd', variables: '/usr/share/AAVMF/AAVMF_VARS.fd' },
    {
      code: '/usr/share/edk2/aarch64/QEMU_EFI-pflash.raw',
      variables: '/usr/share/edk2/aarch64/vars-template-pflash.raw',
    },
  ],
};

/**
 * The UEFI for what is booted, or undefined for QEMU's BIOS, which boots every image that it can; arm64 machines have only
 * UEFI. Fails as `host` when a UEFI is needed and none is installed.
 * @param file what is booted, for messages
 * @param isWanted whether it is to be a UEFI in any case
 * @param head the beginning of the disk, see `readHead`; nothing for another medium
 */
export function findFirmware(
  file: string,
  arch: GuestArch,
  isWanted: boolean,
  head: Uint8Array,
): Result<UefiFirmware | undefined> {
  if (arch === 'x86_64' && !isWanted && !needsUefi(head)) return ok(undefined);
  const firmware = installedUefi(arch);
  if (firmware) return ok(firmware);
  const message = isWanted ? 'no UEFI firmware for QEMU is installed' : ONLY_UEFI;
  return fail('host', message, {
    where: { file },
    hint: packageHint(`UEFI ${arch}`),
  });
}

const ONLY_UEFI = 'the image boots only with UEFI, and no UEFI firmware for QEMU is installed';

/** The installed UEFI for guests of an architecture. */
export function installedUefi(arch: GuestArch): UefiFirmware | undefined {
  return PLACES[arch].find(({ code, variables }) => existsSync(code) && existsSync(variables));
}

/** Whether a disk with this beginning has no boot code for a BIOS, but a partition that UEFI boots from. */
export function needsUefi(head: Uint8Array): boolean {
  if (head.subarray(0, BOOT_CODE_BYTES).some((byte) => byte !== 0)) return false;
  if ([SECTOR, LARGE_SECTOR].some((sector) => hasGpt(head, sector))) return true;
  return [0, 1, 2, 3].some((entry) => head[PARTITION_TABLE_AT + 16 * entry + 4] === EFI_SYSTEM_PARTITION);
}

/** Whether a GPT for sectors of this size begins a disk. */
function hasGpt(head: Uint8Array, sector: number): boolean {
  return Buffer.from(head.subarray(sector, sector + 8)).toString('latin1') === 'EFI PART';
}

/** Whether a disk with this beginning is for sectors of 4096 bytes. */
export function hasLargeSectors(head: Uint8Array): boolean {
  return hasGpt(head, LARGE_SECTOR) && !hasGpt(head, SECTOR);
}

/** Reads the beginning of a disk: a sector of the larger size, and the one behind it. */
export async function readHead(
  image: DiskImage,
  scratch: string,
  signal: AbortSignal,
): Promise<Result<Uint8Array>> {
  const head = path.join(scratch, 'head');
  const copy = [
    'dd',
    '-f',
    image.format,
    '-O',
    'raw',
    `bs=${SECTOR}`,
    `count=${(2 * LARGE_SECTOR) / SECTOR}`,
    `if=${image.file}`,
    `of=${head}`,
  ];
  const done = await run('qemu-img', copy, { signal });
  return done.ok ? ok(readFileSync(head)) : done;
}
