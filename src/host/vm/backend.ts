// The vm backend: disks are attached in a running guest, in which the root shells are too.

import { ok } from '../../model/failure.ts';
import type { Backend } from '../attach/backend.ts';
import { attachToGuest } from './disks.ts';
import type { Guest } from './guest.ts';

/** The backend for root shells in a guest. */
export function vmBackend(guest: Guest): Backend {
  return {
    name: 'vm',
    check: async () => ok(),
    attach: ({ shell }, image, access, sectorSize) => attachToGuest(guest, shell, image, access, sectorSize),
    lend: undefined,
  };
}
