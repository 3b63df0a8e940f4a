// The kernel of the guest: one of this machine's, or one that the user names.

import { constants } from 'node:fs';
import path from 'node:path';
import { fail, ok, type Result } from '../../model/failure.ts';
import { isAllowed, namesIn } from '../../util/fs.ts';

export interface Kernel {
  readonly file: string;
  readonly version: string;
  /** The directory of its modules, with their modules.dep. */
  readonly modules: string;
}

/** The beginning of a kernel's file name, before its version. */
const PREFIX = 'vmlinuz-';

/**
 * Returns the newest kernel that this user can read and that has modules. Fails as `host` with what to do.
 * @param named the value of VLB_VM_KERNEL: a kernel as its package installs it, below a root of its own
 */
export function findKernel(named: string | undefined): Result<Kernel> {
  if (named !== undefined) {
    const kernel = kernelAt(path.resolve(named));
    if (kernel) return ok(kernel);
    return fail('host', `VLB_VM_KERNEL: ${named} is not a kernel with modules that this user can read`, {
      hint: `name a file boot/${PREFIX}VERSION, with lib/modules/VERSION/modules.dep beside boot`,
    });
  }
  const kernels = namesIn('/boot').filter((name) => name.startsWith(PREFIX));
  kernels.sort((a, b) => b.localeCompare(a, 'en', { numeric: true }));
  for (const name of kernels) {
    const kernel = kernelAt(`/boot/${name}`);
    if (kernel) return ok(kernel);
  }
  return fail('host', 'there is no kernel for a virtual machine that this user can read', {
    hint: 'unpack a kernel package with dpkg-deb -x, run depmod -b on the directory, and set VLB_VM_KERNEL to its vmlinuz',
  });
}

function kernelAt(file: string): Kernel | undefined {
  const name = path.basename(file);
  if (!name.startsWith(PREFIX) || !isAllowed(file, constants.R_OK)) return undefined;
  const version = name.slice(PREFIX.length);
  const modules = path.join(path.dirname(file), '../lib/modules', version);
  return isAllowed(path.join(modules, 'modules.dep'), constants.R_OK)
    ? { file, version, modules }
    : undefined;
}

/** Fails as `host` on a machine of another architecture than the guest's. */
export function checkArchitecture(): Result<void> {
  return process.arch === 'x64' ? ok() : fail('host', 'the vm backend runs on x86-64 only');
}
