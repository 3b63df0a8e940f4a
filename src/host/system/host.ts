// This machine as the port Host, assembled from the tools in this folder.

import type { Host } from '../../model/ports/machine.ts';
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

/** The host, attaching disks with the given backend. */
export function linuxHost(backend: Backend): Host {
  return {
    images: qemuImg,
    packings,
    lendsDevices: backend.lend !== undefined,
    check: async (tools = []) => {
      for (const tool of [...TOOLS, ...tools]) {
        if (!isInstalled(tool)) return missingTool(tool);
      }
      const able = await backend.check();
      return able.ok ? checkRoot() : able;
    },
    checkGuests: async () => (await import('../boot/layer/guest.ts')).checkGuests(),
    openGuest: async (directory) => (await import('../boot/layer/guest.ts')).openGuest(directory),
    openWorkbench: (directory) => openWorkbench(backend, directory),
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
