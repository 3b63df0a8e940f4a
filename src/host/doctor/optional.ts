// Checks what a build can do without: KVM, a UEFI, network block devices.

import { existsSync } from 'node:fs';
import type { Finding } from '../../model/ports/checkup.ts';
import { ARCHITECTURES } from '../boot/prepare.ts';
import { chooseAccelerator, lookAtKvm } from '../boot/qemu/accelerator.ts';
import { installedUefi } from '../boot/qemu/firmware.ts';
import { packageHint } from '../process/packages.ts';
import { isInstalled, run } from '../process/run.ts';

const BOOT = { group: 'vlb test-boot', needed: false } as const;

/** Chooses as a test boot does: emulation works everywhere, but slowly. */
export function checkKvm(): Finding {
  const kvm = lookAtKvm();
  const chosen = chooseAccelerator('auto', kvm);
  const common = { ...BOOT, name: 'KVM', purpose: 'boots many times faster than emulation' };
  if (chosen.ok && chosen.value.accelerator === 'kvm') return { ...common, state: 'ok' };
  const asked = chooseAccelerator('kvm', kvm);
  const cure = asked.ok ? 'modprobe kvm_intel, or kvm_amd' : asked.failure.hint;
  return {
    ...common,
    state: kvm.device === 'missing' ? 'missing' : 'problem',
    detail: chosen.ok ? chosen.value.why : chosen.failure.message,
    ...(cure === undefined ? {} : { cure }),
  };
}

/** On x86-64 only images without a boot loader for BIOS, and `--uefi`, need one. */
export function checkUefi(): readonly Finding[] {
  const arch = ARCHITECTURES[process.arch];
  if (!arch) return [];
  const common = { ...BOOT, name: 'UEFI', purpose: 'boots images that have no boot loader for BIOS' };
  return [
    installedUefi(arch)
      ? { ...common, state: 'ok' }
      : { ...common, state: 'missing', cure: packageHint(`UEFI ${arch}`) },
  ];
}

/** Distinguishes a module that is not loaded from one that the kernel does not have. */
export async function checkNbd(): Promise<Finding> {
  const common = {
    group: 'vlb build --nbd',
    needed: false,
    name: 'network block devices',
    purpose: 'attach disks without FUSE, and for older projects',
  };
  if (existsSync('/sys/module/nbd')) {
    if (existsSync('/dev/nbd0')) return { ...common, state: 'ok' };
    const cure = 'modprobe -r nbd; modprobe nbd nbds_max=16';
    return {
      ...common,
      state: 'problem',
      detail: 'the module is loaded, but /dev/nbd0 does not exist',
      cure,
    };
  }
  const modprobe = isInstalled('modprobe')
    ? await run('modprobe', ['--dry-run', '--quiet', 'nbd'], ROOT_PATH)
    : undefined;
  if (modprobe?.ok)
    return { ...common, state: 'missing', detail: 'the module is not loaded', cure: 'modprobe nbd' };
  return {
    ...common,
    state: 'missing',
    detail: 'this kernel has no nbd module',
    cure: 'not needed where the FUSE export works',
  };
}

/** For an ordinary user whose PATH does not have root's tools. */
const ROOT_PATH = { env: { PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` } };
