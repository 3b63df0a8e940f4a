// Whether a guest can use KVM on this machine, and the sentence that says why or why not.

import { accessSync, closeSync, constants, existsSync, openSync } from 'node:fs';
import { fail, ok, type Result } from '../../../model/failure.ts';
import type { Accelerator, AcceleratorChoice } from '../../../model/ports/booter.ts';
import { systemError } from '../../../util/errors.ts';

/** The state of KVM on this host. */
export interface KvmState {
  /** Node's name of the host's processor: `x64`, `arm64`. */
  readonly arch: string;
  /** The loaded module for this processor (on arm64, `kvm` itself). */
  readonly module: string | undefined;
  readonly device: 'opens' | 'missing' | 'denied' | 'fails';
}

export interface ChosenAccelerator {
  readonly accelerator: Accelerator;
  /** A sentence for the user, without a full stop. */
  readonly why: string;
}

const DEVICE = '/dev/kvm';
const MODULES_OF: Readonly<Record<string, readonly string[]>> = {
  x64: ['kvm_intel', 'kvm_amd'],
  arm64: ['kvm'],
};

/**
 * `auto` uses KVM only where it is known to run a stock kernel: the processor's own module is loaded and the device
 * opens. The device alone does not prove that, since it can belong to an implementation under which kernels hang.
 * Fails as `host` when `wanted` is `kvm` and the device does not open.
 */
export function chooseAccelerator(wanted: AcceleratorChoice, kvm: KvmState): Result<ChosenAccelerator> {
  if (wanted === 'tcg') return ok({ accelerator: 'tcg', why: 'emulating the processor (TCG), as requested' });
  if (wanted === 'kvm') {
    if (kvm.device !== 'opens')
      return fail('host', `cannot use KVM: ${DEVICE_TEXT[kvm.device]}`, DEVICE_CURE[kvm.device]);
    const doubt = kvm.module === undefined ? `, though ${missingModule(kvm)}` : '';
    return ok({ accelerator: 'kvm', why: `using KVM, as requested${doubt}` });
  }
  if (kvm.device === 'opens' && kvm.module !== undefined) {
    return ok({ accelerator: 'kvm', why: `using KVM: ${kvm.module} is loaded and ${DEVICE} opens` });
  }
  const reason =
    kvm.device === 'opens' ? `${DEVICE} opens, but ${missingModule(kvm)}` : DEVICE_TEXT[kvm.device];
  return ok({ accelerator: 'tcg', why: `emulating the processor (TCG, slow): ${reason}` });
}

/** Reads /sys/module, which also lists modules that are built into the kernel, and tries to open /dev/kvm. */
export function lookAtKvm(): KvmState {
  const modules = MODULES_OF[process.arch] ?? [];
  return {
    arch: process.arch,
    module: modules.find((name) => existsSync(`/sys/module/${name}`)),
    device: tryDevice(),
  };
}

const DEVICE_TEXT = {
  opens: `${DEVICE} opens`,
  missing: `${DEVICE} does not exist`,
  denied: `this user may not open ${DEVICE}`,
  fails: `${DEVICE} cannot be opened`,
} as const;

const DEVICE_CURE = {
  missing: {
    hint: 'load kvm_intel or kvm_amd, enable virtualization in the firmware, or use --accel tcg',
  },
  denied: { hint: 'sudo usermod -aG kvm "$USER", then log in again; or use --accel tcg' },
  fails: { hint: 'check the kernel log (dmesg), or use --accel tcg' },
} as const;

function missingModule({ arch }: KvmState): string {
  const modules = MODULES_OF[arch] ?? [];
  if (modules.length === 0) return `vlb does not know KVM on ${arch}`;
  return modules.length > 1 ? `neither ${modules.join(' nor ')} is loaded` : `${modules[0]} is not loaded`;
}

function tryDevice(): KvmState['device'] {
  if (!existsSync(DEVICE)) return 'missing';
  try {
    accessSync(DEVICE, constants.R_OK | constants.W_OK);
    closeSync(openSync(DEVICE, 'r+'));
    return 'opens';
  } catch (error) {
    const { code } = systemError(error);
    return code === 'EACCES' || code === 'EPERM' ? 'denied' : 'fails';
  }
}
