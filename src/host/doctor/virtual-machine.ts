// Checks what the backend vm needs, none of it as root.

import type { Finding } from '../../model/ports/checkup.ts';
import { chooseAccelerator, lookAtKvm } from '../boot/qemu/accelerator.ts';
import { packageHint } from '../process/packages.ts';
import { isInstalled } from '../process/run.ts';
import { QEMU } from '../vm/guest.ts';
import { checkSharing } from '../vm/host-tools.ts';
import { missingTools } from '../vm/initramfs.ts';
import { checkArchitecture, findKernel } from '../vm/kernel.ts';
import { canBeApart } from '../vm/network.ts';

const COMMON = { group: 'vlb build --backend vm', needed: false } as const;

/** @param kernel the value of VLB_VM_KERNEL */
export async function checkVirtualMachine(kernel: string | undefined): Promise<readonly Finding[]> {
  if (!checkArchitecture().ok) return [];
  return [qemu(), findingOf(kernel), tools(), programs(kernel), accelerator(), await network()].flat();
}

/** Whether layers can be run there. */
export function canUseVirtualMachine(findings: readonly Finding[]): boolean {
  const needed = [QEMU, 'kernel', 'tools'];
  const own = findings.filter(({ group, name }) => group === COMMON.group && needed.includes(name));
  return own.length === needed.length && own.every(({ state }) => state === 'ok');
}

function qemu(): Finding {
  const common = { ...COMMON, name: QEMU, purpose: 'runs layers in a virtual machine, without root' };
  return isInstalled(QEMU)
    ? { ...common, state: 'ok' }
    : { ...common, state: 'missing', cure: packageHint(QEMU) };
}

function findingOf(named: string | undefined): Finding {
  const common = { ...COMMON, name: 'kernel', purpose: 'of the virtual machine' };
  const found = findKernel(named);
  if (found.ok) return { ...common, state: 'ok', detail: found.value.file };
  const { message, hint } = found.failure;
  return { ...common, state: 'missing', detail: message, ...(hint === undefined ? {} : { cure: hint }) };
}

function tools(): Finding {
  const common = { ...COMMON, name: 'tools', purpose: 'are copied into the virtual machine' };
  const missing = missingTools();
  const [first] = missing;
  if (first === undefined) return { ...common, state: 'ok' };
  return { ...common, state: 'missing', detail: missing.join(', '), cure: packageHint(first) };
}

/** Nothing where there is no kernel. */
function programs(named: string | undefined): readonly Finding[] {
  const found = findKernel(named);
  if (!found.ok) return [];
  const common = { ...COMMON, name: 'programs', purpose: 'of this machine, for modify-disk and systems' };
  const shared = checkSharing(found.value);
  if (shared.ok) return [{ ...common, state: 'ok' }];
  const { message, hint = '' } = shared.failure;
  return [{ ...common, state: 'problem', detail: message, cure: hint }];
}

function accelerator(): Finding {
  const common = { ...COMMON, name: 'accelerator', purpose: 'runs it at the speed of this machine' };
  const chosen = chooseAccelerator('auto', lookAtKvm());
  if (!chosen.ok) return { ...common, state: 'problem', detail: chosen.failure.message };
  const { accelerator: name, why } = chosen.value;
  return name === 'kvm'
    ? { ...common, state: 'ok', detail: 'KVM' }
    : {
        ...common,
        state: 'problem',
        detail: why,
        cure: 'not needed, but scripts take about ten times as long',
      };
}

async function network(): Promise<Finding> {
  const common = {
    ...COMMON,
    name: 'pasta',
    purpose: 'keeps scripts away from services on the loopback of this host',
  };
  if (await canBeApart()) return { ...common, state: 'ok' };
  return isInstalled('pasta')
    ? { ...common, state: 'problem', detail: 'a network namespace or /dev/net/tun cannot be used here' }
    : { ...common, state: 'missing', cure: packageHint('pasta') };
}
