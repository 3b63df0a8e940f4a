// The nbd backend, on a kernel that has the module: a virtual machine that vlb itself builds and boots.

import { test } from 'node:test';
import { testInGuest } from '../rig/guest.ts';

test('nbd', async (t) => {
  await testInGuest(t, ['test/contract/backend.test.ts'], { only: '^nbd: ' });
});
