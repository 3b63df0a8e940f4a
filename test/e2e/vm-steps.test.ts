// What uses programs of this machine beside the system on the disk, in the guest of the backend vm: a playbook of Ansible. And what that
// backend refuses, with the reason.

import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { applianceEnvironment } from '../rig/appliance.ts';
import { leftovers } from '../rig/host-state.ts';
import { TestProject } from '../rig/project.ts';
import { buildLayer, tinyImage } from '../rig/tiny.ts';

// Its modules need Python in the image, `raw` does not.
const PLAYBOOK = `- hosts: all
  gather_facts: false
  tasks:
    - raw: echo {{ greeting }} > /etc/greeting
    - delegate_to: localhost
      raw: for place in /home/* /root/* /etc/shadow; do [ ! -e "$place" ] || echo "there is $place"; done
      register: host
    - debug: { msg: "host {{ host.stdout_lines }}" }
`;

const project = new TestProject({
  'vlb.yaml': `base: base.qcow2
machines:
  web: { disks: [{ image: 10_first }], exports: [{ format: rootfs, as: directory }] }
`,
  'layers/10_first/build-layer': buildLayer('true'),
  'layers/20_play/layer.yaml': `steps:
  - ansible: { playbook: site.yml, variables: { greeting: hello } }
  - run: cat /etc/greeting
`,
  'layers/20_play/site.yml': PLAYBOOK,
});
after(() => project[Symbol.asyncDispose]());
tinyImage(project.path('base.qcow2'));

function options() {
  const kernel = applianceEnvironment()['SUPERMIN_KERNEL'];
  return { env: { VLB_BACKEND: 'vm', ...(kernel === undefined ? {} : { VLB_VM_KERNEL: kernel }) } };
}

test('a directory of all files is refused, since they could not belong to their owners', async () => {
  assert.equal((await project.build(['first'])).status, 0);
  const ended = await project.vlb(['export', 'web'], options());
  assert.equal(ended.status, 3, ended.stderr);
  assert.match(
    ended.stderr,
    /^error: the backend vm cannot export a directory: without root, its files cannot belong to their owners$/m,
  );
  assert.match(
    ended.stderr,
    /help: export an archive \(without "as: directory"\), or use the backend fuse, as root/,
  );
  assert.deepEqual(leftovers(project), []);
});

test('a playbook runs in the guest, with the programs of this machine and none of its other files', {
  // Python takes a minute to start on an emulated processor.
  skip: process.env['VLB_TEST_VM'] === 'all' ? false : 'only with VLB_TEST_VM=all',
}, async () => {
  const built = await project.build([], options());
  assert.equal(built.status, 0, built.told);
  assert.match(built.output, /^hello$/m);
  assert.match(built.output, /"msg": "host \[\]"/);
  assert.deepEqual(leftovers(project), []);
});
