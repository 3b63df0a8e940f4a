// Looks at what a build can do without: KVM, a UEFI, network block devices.

import { existsSync } from 'node:fs';
import type { Finding } from '../../model/ports/checkup.ts';
import { ARCHITECTURES } from '../boot/prepare.ts';
import { chooseAccelerator, lookAtKvm } from '../boot/qemu/accelerator.ts';
import { installedUefi } from '../boot/qemu/firmware.ts';
import { packageHint } from '../process/packages.ts';
import { isInstalled, run } from '../process/run.ts';

const BOOT = { group: 'vlb test-boot', needed: false } as const;

/** As a test boot would choose: emulation works everywhere, but slowly. */
export function lookForKvm(): Finding {
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

/** On PCs only images without a boot loader for a BIOS need one. */
export function lookForUefi(): readonly Finding[] {
  const arch = ARCHITECTURES[process.arch];
  if (!arch) return [];
  const common = { ...BOOT, name: 'UEFI', purpose: 'boots images that have no boot loader for a BIOS' };
  return [
    installedUefi(arch)
      ? { ...common, state: 'ok' }
      : { ...common, state: 'missing', cure: packageHint(`UEFI ${arch}`) },
  ];
}

/** The module may be there and only have to be loaded. */
export async function lookForNbd(): Promise<Finding> {
  const common = {
    group: 'vlb build --nbd',
    needed: false,
    name: 'network block devices',
    purpose: 'attach disks where FUSE is not to be had, and for older projects',
  };
  if (existsSync('/sys/module/nbd')) {
    if (existsSync('/dev/nbd0')) return { ...common, state: 'ok' };
    const cure = 'modprobe -r nbd; modprobe nbd nbds_max=16';
    return { ...common, state: 'problem', detail: 'the module is loaded, but there is no /dev/nbd0', cure };
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
    cure: 'none is needed where the FUSE export works',
  };
}

/** Where an ordinary user's PATH leaves root's tools out. */
const ROOT_PATH = { env: { PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` } };
