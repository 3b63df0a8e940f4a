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
 * The UEFI for an image, or undefined for QEMU's BIOS, which boots every image that it can; arm64 machines have only
 * UEFI. Fails as `host` when a UEFI is needed and none is installed.
 * @param isWanted whether it is to be a UEFI in any case
 */
export async function findFirmware(
  image: DiskImage,
  arch: GuestArch,
  isWanted: boolean,
  scratch: string,
  signal: AbortSignal,
): Promise<Result<UefiFirmware | undefined>> {
  if (arch === 'x86_64' && !isWanted) {
    const head = await readHead(image, scratch, signal);
    if (!head.ok) return head;
    if (!needsUefi(head.value)) return ok(undefined);
  }
  const firmware = installedUefi(arch);
  if (firmware) return ok(firmware);
  const message = isWanted ? 'no UEFI firmware for QEMU is installed' : ONLY_UEFI;
  return fail('host', message, {
    where: { file: image.file },
    hint: packageHint(`UEFI ${arch}`),
  });
}

const ONLY_UEFI = 'the image boots only with UEFI, and no UEFI firmware for QEMU is installed';

/** The installed UEFI for guests of an architecture. */
export function installedUefi(arch: GuestArch): UefiFirmware | undefined {
  return PLACES[arch].find(({ code, variables }) => existsSync(code) && existsSync(variables));
}

/** Whether a disk with these first two sectors has no boot code for a BIOS, but a partition that UEFI boots from. */
export function needsUefi(head: Uint8Array): boolean {
  if (head.subarray(0, BOOT_CODE_BYTES).some((byte) => byte !== 0)) return false;
  if (Buffer.from(head.subarray(SECTOR, SECTOR + 8)).toString('latin1') === 'EFI PART') return true;
  return [0, 1, 2, 3].some((entry) => head[PARTITION_TABLE_AT + 16 * entry + 4] === EFI_SYSTEM_PARTITION);
}

async function readHead(image: DiskImage, scratch: string, signal: AbortSignal): Promise<Result<Uint8Array>> {
  const head = path.join(scratch, 'head');
  const copy = [
    'dd',
    '-f',
    image.format,
    '-O',
    'raw',
    `bs=${SECTOR}`,
    'count=2',
    `if=${image.file}`,
    `of=${head}`,
  ];
  const done = await run('qemu-img', copy, { signal });
  return done.ok ? ok(readFileSync(head)) : done;
}
