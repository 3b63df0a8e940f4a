// All checks of this machine, run concurrently.

import type { Environment } from '../../model/environment.ts';
import type { Finding } from '../../model/ports/checkup.ts';
import { tryAttaching } from './attach.ts';
import { checkKvm, checkNbd, checkUefi } from './optional.ts';
import { checkTools } from './tools.ts';
import { canUseVirtualMachine, checkVirtualMachine } from './virtual-machine.ts';

/** All findings that do not depend on a project, grouped, in the order in which they are shown. */
export async function checkMachine({ variables }: Environment): Promise<readonly Finding[]> {
  const [tools, attached, nbd, virtual] = await Promise.all([
    checkTools(),
    tryAttaching(),
    checkNbd(),
    checkVirtualMachine(variables['VLB_VM_KERNEL']),
  ]);
  // Where vlb may not become root, layers run in a virtual machine.
  const isSpared = attached[0]?.state !== 'ok' && canUseVirtualMachine(virtual);
  const attaching = isSpared ? attached.map((finding) => ({ ...finding, needed: false })) : attached;
  const all = [node(), ...tools, ...attaching, checkKvm(), ...checkUefi(), nbd, ...virtual];
  const groups = [...new Set(all.map(({ group }) => group))];
  return groups.flatMap((group) => all.filter((finding) => finding.group === group));
}

/** An older version never gets this far: the launcher refuses it. */
function node(): Finding {
  const detail = process.versions.node;
  return { group: 'vlb build', name: 'node', purpose: 'runs vlb', needed: true, state: 'ok', detail };
}
