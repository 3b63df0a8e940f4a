// This machine as the port Host, assembled from the tools in this folder.

import { fail, ok } from '../../model/failure.ts';
import type { Host, NeededTools } from '../../model/ports/machine.ts';
import type { Backend } from '../attach/backend.ts';
import { packings } from '../images/packings.ts';
import { qemuImg } from '../images/qemu-img.ts';
import { bootId, ownerIsAlive } from '../process/owner.ts';
import { removeTree } from '../process/remove-tree.ts';
import { isInstalled, missingTool } from '../process/run.ts';
import { checkRoot } from '../process/sudo.ts';
import { clearLeftovers, removalNote } from './leftovers.ts';
import { exportKey, verifySignature } from './signature.ts';
import { openWorkbench } from './workbench.ts';

/** The tools that every run of a layer calls; checked before anything starts. */
export const TOOLS = [
  'qemu-img',
  'unshare',
  'nsenter',
  'setpriv',
  'losetup',
  'mount',
  'blkid',
  'partx',
  'fstrim',
] as const;

/** Where the backend of a host comes from. */
export interface BackendSource {
  readonly lendsDevices: boolean;
  /** @param onNote called when it was chosen for a reason that users have to know */
  backend(onNote?: (message: string) => void): Promise<Backend>;
}

/** The host, attaching disks with the backend of a source. */
export function linuxHost({ lendsDevices, backend }: BackendSource): Host {
  let opened: Backend | undefined;
  return {
    images: qemuImg,
    packings,
    lendsDevices,
    check: async ({ withDisk, beside, volumes }: NeededTools = { withDisk: [], beside: [] }, onNote) => {
      const chosen = await backend(onNote);
      if (chosen.name !== 'vm' && volumes) {
        return fail('host', `the backend ${chosen.name} makes no LVM and no LUKS`, {
          where: volumes,
          hint: 'use --backend vm: names of volumes are those of a kernel, and each build has its own there',
        });
      }
      const needed = chosen.name === 'vm' ? ['qemu-img'] : TOOLS;
      for (const tool of [...needed, ...withDisk, ...beside]) {
        if (!isInstalled(tool)) return missingTool(tool);
      }
      const able = await chosen.check();
      const called = [...withDisk, ...beside];
      const shared = able.ok && called.length > 0 ? await chosen.checkHostTools(called) : ok();
      if (!shared.ok) return shared;
      return able.ok && chosen.name !== 'vm' ? checkRoot() : able;
    },
    close: async () => opened?.close(),
    checkGuests: async () => (await import('../boot/layer/guest.ts')).checkGuests(),
    openGuest: async (directory) => (await import('../boot/layer/guest.ts')).openGuest(directory),
    openWorkbench: async (directory, owner) => {
      opened = await backend();
      return openWorkbench(opened, directory, owner);
    },
    verifySignature,
    exportKey,
    isAlive: ownerIsAlive,
    bootId,
    removeTree,
    clearLeftovers: async (runs, onNote) => {
      const remaining = await clearLeftovers(runs);
      for (const failure of remaining) onNote?.(removalNote(failure));
    },
  };
}
