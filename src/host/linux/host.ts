// This machine as the port Host: put together from the tools in this folder.

import { ok } from '../../model/failure.ts';
import type { Host } from '../../model/host.ts';
import { isInstalled, missingTool, run } from '../process.ts';
import type { Backend } from './backend.ts';
import { dyingWithParent } from './boot/lifetime.ts';
import { clearLeftovers } from './leftovers.ts';
import { bootId, ownerIsAlive } from './owner.ts';
import { qemuImg } from './qemu-img.ts';
import { checkRoot } from './sudo.ts';
import { openWorkbench } from './workbench.ts';

/** What every run of a layer calls; looked for before anything begins. */
export const TOOLS = [
  'qemu-img',
  'unshare',
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
    lendsDevices: backend.lend !== undefined,
    check: async () => {
      for (const tool of TOOLS) {
        if (!isInstalled(tool)) return missingTool(tool);
      }
      const able = await backend.check();
      return able.ok ? checkRoot() : able;
    },
    openWorkbench: (directory) => openWorkbench(backend, directory),
    unpackXz: async (source, target, signal) => {
      const done = await run(
        ...dyingWithParent('KILL', 'xz', ['--decompress', '--stdout', '--threads=0', source]),
        {
          outputFile: target,
          signal,
        },
      );
      return done.ok ? ok() : done;
    },
    isAlive: ownerIsAlive,
    bootId,
    clearLeftovers,
  };
}
