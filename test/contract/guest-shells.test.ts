// The guest of the vm backend: root shells come and go in it, and its end is told.

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { startGuest } from '../../src/host/vm/guest.ts';
import { openGuestShell } from '../../src/host/vm/shell.ts';
import { applianceEnvironment } from '../rig/appliance.ts';
import { valueIn as good } from '../rig/tree.ts';

test('a guest runs more root shells than it has ports, each apart, and a panic of its kernel is told', async () => {
  const directory = mkdtempSync(path.join(tmpdir(), 'vlb-guest-'));
  try {
    const kernel = applianceEnvironment()['SUPERMIN_KERNEL'];
    await using guest = good(await startGuest(directory, { kernel }));
    for (let number = 0; number < 16; number++) {
      await using shell = good(await openGuestShell(guest));
      const files = good(
        await shell.run(['sh', '-c', 'echo out; echo error >&2; mount -t tmpfs tmpfs /mnt; ls /mnt']),
      );
      assert.deepEqual([files.stdout, files.stderr], ['out\n', 'error\n']);
      assert.equal(good(await shell.run(['grep', '-c', ' /mnt ', '/proc/self/mounts'])).stdout, '1\n');
    }
    const shell = good(await openGuestShell(guest));
    const file = '/run/vlb-test/file';
    good(await shell.files.makeDirectory(path.dirname(file)));
    const content = Buffer.from([0, 10, 255, 92, 110]);
    good(await shell.files.write(file, content, 0o600));
    assert.deepEqual(good(await shell.files.read(file)), content);
    good(await shell.files.link('file', '/run/vlb-test/link'));
    assert.equal(good(await shell.run(['readlink', '/run/vlb-test/link'])).stdout, 'file\n');
    assert.equal(await shell.files.exists('/run/vlb-test/none'), false);
    const chunks: Buffer[] = [];
    const said = await shell.stream(
      ['sh', '-c', 'echo one; echo two >&2; exit 7'],
      (chunk) => void chunks.push(chunk),
    );
    assert.equal(good(said), 7);
    assert.equal(Buffer.concat(chunks).toString(), 'one\ntwo\n');
    // Of the host there is nothing.
    assert.equal(await shell.files.exists('/home'), false);
    assert.equal((await shell.run(['sh', '-c', 'echo c >/proc/sysrq-trigger'])).ok, false);
    await guest.ended;
    assert.match(guest.lastWords().message, /kernel of the virtual machine panicked/);
    assert.match(guest.lastWords().detail?.join('\n') ?? '', /Kernel panic/);
  } finally {
    rmSync(directory, { recursive: true });
  }
});
