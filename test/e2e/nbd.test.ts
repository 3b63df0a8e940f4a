// The nbd backend, EFI system partitions and growing ext4, on a kernel that has them: a virtual machine that vlb itself builds and boots.

import { test } from 'node:test';
import { testInGuest } from '../rig/guest.ts';

/** Several times what an idle machine takes: others may be at work on this one. */
const MINUTES = 40;

test('nbd', { timeout: (MINUTES + 10) * 60_000 }, async (t) => {
  const own = ['nbd', 'nbd-interrupt', 'efi', 'grow'].map((name) => `test/guest/${name}.test.ts`);
  // The backends that need no module are tested on the host.
  await testInGuest(t, ['test/contract/backend.test.ts', ...own], {
    leaveOut: '^(fuse|vm): ',
    minutes: MINUTES,
  });
});
