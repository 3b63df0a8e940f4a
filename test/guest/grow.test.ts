// ext4 grows while it is mounted. The kernel demands CAP_SYS_RESOURCE for that, which root does not have on every machine, as
// in some containers.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TestProject } from '../rig/project.ts';
import { buildLayer, copyTools, tinyDisk } from '../rig/tiny.ts';

test('resize2fs grows the root', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk({ more: copyTools('resize2fs') }).replace(
      'p1"\nroot',
      'p1" 150M\nroot',
    ),
    'layers/20_app/build-layer': buildLayer(`
before=$(stat -f -c %b /)
/opt/resize2fs "$VLB_ROOT_PARTITION"
[ "$(stat -f -c %b /)" -gt "$before" ] && echo grown`),
  });
  const built = await project.build();
  assert.equal(built.status, 0, built.told);
  assert.match(built.output, /^grown$/m);
});
