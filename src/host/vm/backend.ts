// The vm backend: disks are attached in a virtual machine that an ordinary user starts, in which the root shells are too.

import { ok, type Result } from '../../model/failure.ts';
import type { Backend } from '../attach/backend.ts';
import { isInstalled, missingTool } from '../process/run.ts';
import { CarriedFiles } from './carried.ts';
import { attachToGuest } from './disks.ts';
import { type GuestOptions, QEMU } from './guest.ts';
import { Guests } from './guests.ts';
import { checkSharing, checkShown } from './host-tools.ts';
import { missingTools } from './initramfs.ts';
import { checkArchitecture, findKernel } from './kernel.ts';
import { guestOf, openGuestRun } from './shell.ts';

/** The backend, whose guests are started by the runs that need them. */
export function vmBackend(options: GuestOptions): Backend {
  const guests = new Guests(options);
  return {
    name: 'vm',
    check: async () => check(options),
    checkHostTools: async (tools) => {
      const found = findKernel(options.kernel);
      const shared = found.ok ? checkSharing(found.value) : found;
      return shared.ok ? checkShown(tools) : shared;
    },
    openRun: async (directory, _runsScripts, owner) => {
      const { guest, leave } = await guests.take(directory, owner);
      const run = guest.ok ? await openGuestRun(guest.value) : guest;
      if (run.ok) void run.value.shell.ended.then(leave);
      else leave();
      return run;
    },
    attach: ({ shell }, image, access, sectorSize) =>
      attachToGuest(guestOf(shell), shell, image, access, sectorSize),
    lend: undefined,
    carrier: (run, directory) => new CarriedFiles(guestOf(run.shell), run, directory),
    close: () => guests.close(),
  };
}

function check({ kernel }: GuestOptions): Result<void> {
  const here = checkArchitecture();
  if (!here.ok) return here;
  for (const tool of [QEMU, ...missingTools()]) if (!isInstalled(tool)) return missingTool(tool);
  const found = findKernel(kernel);
  return found.ok ? ok() : found;
}
