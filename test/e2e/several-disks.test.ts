// Layers with several disks: made, mounted, changed one at a time, found again, and looked at.

import assert from 'node:assert/strict';
import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { leftovers } from '../rig/host-state.ts';
import { TestProject } from '../rig/project.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

/** A system whose fstab mounts a second disk, which has a file system of its own. */
const BASE = tinyDisk({ more: `mkdir "$root/srv"; echo 'LABEL=data /srv ext4 defaults 0 2' > "$root/etc/fstab"` })
  .replace('# vlb: disk-size 256M', '# vlb: disk-size 256M\n# vlb: disk data 64M')
  .concat(
    `printf 'label: gpt\\ntype=linux\\n' | sfdisk -q "$VLB_DISK_DATA"
partx --update "$VLB_DISK_DATA"
mkfs.ext4 -q -L data -E lazy_itable_init=0,lazy_journal_init=0 "$VLB_DISK_DATA"p1
`,
  );

const LAYERS = {
  'layers/10_base/modify-disk': BASE,
  'layers/20_data/build-layer': buildLayer('echo first > /srv/file; ls -l /dev | grep -c "$(readlink -f $VLB_DISK_DATA | tail -c 6)"'),
  'layers/30_root/build-layer': buildLayer('cat /srv/file > /copy; cat /copy'),
};

const project = new TestProject(LAYERS);
after(async () => project[Symbol.asyncDispose]());

/** The digest that a link in build/ leads to; undefined without one. */
function linked(title: string): string | undefined {
  const link = project.path(`build/${title}.qcow2`);
  return existsSync(link) ? path.basename(readlinkSync(link), '.qcow2') : undefined;
}

test('a layer writes to the disk that its system mounts; one that does not adds nothing for it', async () => {
  const built = await project.build();
  assert.equal(built.status, 0, built.told);
  assert.match(built.output, /^first$/m);
  const [base, data, root] = ['10_base', '20_data', '30_root'].map((layer) => linked(`${layer}.data`));
  assert.ok(base !== undefined && data !== undefined);
  assert.notEqual(data, base);
  assert.equal(root, data);
  assert.equal(linked('image.data'), data);
  assert.notEqual(linked('30_root'), linked('20_data'));
  assert.deepEqual(leftovers(project), []);
});

test('with nothing to do, nothing is done; what was removed from build/ is restored', async () => {
  const fresh = await project.build();
  assert.equal(fresh.status, 0, fresh.told);
  assert.deepEqual(fresh.finished?.counts, { fresh: 3, restored: 0, built: 0, failed: 0, skipped: 0 });
});
