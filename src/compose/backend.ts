// Chooses the backend: that of the request, or the one that works for this user.

import type { Backend } from '../host/attach/backend.ts';
import { fuseBackend } from '../host/attach/fuse.ts';
import { nbdBackend } from '../host/attach/nbd.ts';
import { checkRoot } from '../host/process/sudo.ts';
import type { BackendSource } from '../host/system/host.ts';
import type { Environment } from '../model/environment.ts';
import type { BackendChoice } from '../model/ports/machine.ts';

/** The backend of a choice. It is not looked for before it is needed. */
export function backendFor(choice: BackendChoice, { variables }: Environment): BackendSource {
  const { backend, nbd, vm } = choice;
  const inGuest = async () => {
    const { vmBackend } = await import('../host/vm/backend.ts');
    return vmBackend({ ...vm, kernel: variables['VLB_VM_KERNEL'] });
  };
  let chosen: Promise<Backend> | undefined;
  const choose = async (onNote?: (message: string) => void): Promise<Backend> => {
    if (nbd.length > 0) return nbdBackend(nbd);
    if (backend === 'vm') return inGuest();
    if (backend === 'fuse') return fuseBackend;
    const root = await checkRoot();
    if (root.ok) return fuseBackend;
    const guest = await inGuest();
    if (!(await guest.check()).ok) return fuseBackend; // its check fails with the reason
    onNote?.(
      'layers run in a virtual machine, since vlb may not become root here; --backend fuse or vm chooses',
    );
    return guest;
  };
  return { lendsDevices: nbd.length > 0, backend: (onNote) => (chosen ??= choose(onNote)) };
}
