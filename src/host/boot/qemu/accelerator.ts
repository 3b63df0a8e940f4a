// Whether a guest can run under KVM here, and the sentence that says why or why not.

import { accessSync, closeSync, constants, existsSync, openSync } from 'node:fs';
import { fail, ok, type Result } from '../../../model/failure.ts';
import type { Accelerator, AcceleratorChoice } from '../../../model/ports/booter.ts';
import { systemError } from '../../../util/errors.ts';

/** What this host has of KVM. */
export interface KvmState {
  /** Node's name of the host's processor: `x64`, `arm64`. */
  readonly arch: string;
  /** The processor's own module; on arm64 KVM is one piece. Undefined when there is none. */
  readonly module: string | undefined;
  readonly device: 'opens' | 'missing' | 'denied' | 'fails';
}

export interface ChosenAccelerator {
  readonly accelerator: Accelerator;
  /** A sentence for the person, without a full stop. */
  readonly why: string;
}

const DEVICE = '/dev/kvm';
const MODULES_OF: Readonly<Record<string, readonly string[]>> = {
  x64: ['kvm_intel', 'kvm_amd'],
  arm64: ['kvm'],
};

/**
 * `auto` uses KVM only where it is known to run a stock kernel: the processor's own module is there and the device
 * opens. A device alone says too little, since it can belong to an implementation under which kernels hang.
 * Fails as `host` when KVM is asked for and its device does not open.
 */
export function chooseAccelerator(wanted: AcceleratorChoice, kvm: KvmState): Result<ChosenAccelerator> {
  if (wanted === 'tcg') return ok({ accelerator: 'tcg', why: 'emulating the processor (TCG), as asked' });
  if (wanted === 'kvm') {
    if (kvm.device !== 'opens')
      return fail('host', `KVM cannot be used: ${DEVICE_SAYS[kvm.device]}`, CURE_OF[kvm.device]);
    const doubt = kvm.module === undefined ? `, though ${missingModule(kvm)}` : '';
    return ok({ accelerator: 'kvm', why: `using KVM, as asked${doubt}` });
  }
  if (kvm.device === 'opens' && kvm.module !== undefined) {
    return ok({ accelerator: 'kvm', why: `using KVM: ${kvm.module} is loaded and ${DEVICE} opens` });
  }
  const reason =
    kvm.device === 'opens' ? `${DEVICE} opens, but ${missingModule(kvm)}` : DEVICE_SAYS[kvm.device];
  return ok({ accelerator: 'tcg', why: `emulating the processor (TCG, slow): ${reason}` });
}

/** Looks at /sys/module and /dev/kvm. Modules that are built into the kernel are listed there too. */
export function lookAtKvm(): KvmState {
  const modules = MODULES_OF[process.arch] ?? [];
  return {
    arch: process.arch,
    module: modules.find((name) => existsSync(`/sys/module/${name}`)),
    device: tryDevice(),
  };
}

const DEVICE_SAYS = {
  opens: `${DEVICE} opens`,
  missing: `there is no ${DEVICE}`,
  denied: `${DEVICE} may not be opened by this user`,
  fails: `${DEVICE} does not open`,
} as const;

const CURE_OF = {
  missing: {
    hint: 'load kvm_intel or kvm_amd, switch virtualization on in the firmware, or use --accel tcg',
  },
  denied: { hint: 'sudo usermod -aG kvm "$USER", then log in again; or use --accel tcg' },
  fails: { hint: 'the kernel log may say why; or use --accel tcg' },
} as const;

function missingModule({ arch }: KvmState): string {
  const modules = MODULES_OF[arch] ?? [];
  if (modules.length === 0) return `KVM is not known to work on ${arch}`;
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
