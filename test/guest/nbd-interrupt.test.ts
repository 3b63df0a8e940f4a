// ^C and SIGKILL while a disk is a network block device: nothing stays attached, and the next build is right.

import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Stage } from '../../src/model/event.ts';
import { checkFileSystem, leftovers } from '../rig/host-state.ts';
import { TestProject } from '../rig/project.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

const DEVICE = ['--nbd', '/dev/nbd0'];
/** Generous: the machine is emulated. */
const PATIENCE_MS = 60_000;

for (const [signal, status, stages] of [
  ['SIGINT', 130, ['attach', 'run', 'detach']],
  // All in which there is a device.
  ['SIGKILL', null, ['attach', 'mount', 'run', 'unmount', 'detach']],
] as const satisfies readonly (readonly [NodeJS.Signals, number | null, readonly Stage[]])[]) {
  test(`${signal} at each stage with a device`, async (t) => {
    await using project = new TestProject({
      'layers/10_base/modify-disk': tinyDisk(),
      'layers/20_app/build-layer': buildLayer('true'),
    });
    assert.equal((await project.build(['base', ...DEVICE])).status, 0);
    for (const stage of stages) {
      await t.test(stage, async () => {
        const script = (seconds: number) =>
          buildLayer(
            `trap '' INT TERM; dd if=/dev/zero of=/big bs=1M count=8; sleep ${seconds}; echo ${stage}${signal} > /made`,
          );
        project.write({ 'layers/20_app/build-layer': script(stage === 'run' ? 600 : 0) });
        await interrupted(project, stage, signal, status);
        project.write({ 'layers/20_app/build-layer': script(0) });
        await isRightAfter(project);
      });
    }
    await t.test('run, of an older modify-disk that has its disk attached', async () => {
      const script = (seconds: number) => `#!/bin/sh
set -eu
qemu-img create -q -f qcow2 -F qcow2 -b "$1" "$2"
qemu-nbd --connect="$3" "$2"
until [ -e "$3p1" ]; do sleep 0.1; done
e2fsck -fy "$3p1"
echo attached
sleep ${seconds}
qemu-nbd --disconnect "$3"
`;
      project.write({
        'layers/20_app/build-layer': buildLayer('true'),
        'layers/30_old/modify-disk': script(600),
      });
      await interrupted(project, 'attached', signal, status);
      project.write({ 'layers/30_old/modify-disk': script(0) });
      await isRightAfter(project);
    });
  });
}

/** Builds, and sends the signal as soon as a stage of 20_app begins, or a script prints that word. */
async function interrupted(
  project: TestProject,
  sign: string,
  signal: NodeJS.Signals,
  status: number | null,
): Promise<void> {
  let sent = false;
  const ended = await project.build(DEVICE, {
    onStdout: (text, kill) => {
      if (sent || !(text.includes(`"stage":"${sign}"`) || text.includes(`"line":"${sign}"`))) return;
      sent = true;
      kill(signal);
    },
  });
  assert.ok(sent, 'the stage was reached');
  assert.equal(ended.status, status, ended.told);
  const holding = () => leftovers(project).filter((found) => /attached|running|mount/.test(found));
  if (signal !== 'SIGKILL') assert.deepEqual(leftovers(project), []);
  // After SIGKILL the kernel takes a moment to end the namespaces.
  for (const begun = performance.now(); holding().length > 0 && performance.now() - begun < PATIENCE_MS; ) {
    await sleep(50);
  }
  assert.deepEqual(holding(), []);
}

async function isRightAfter(project: TestProject): Promise<void> {
  const next = await project.build(DEVICE);
  assert.equal(next.status, 0, next.told);
  assert.deepEqual(leftovers(project), []);
  assert.equal(checkFileSystem(project.path('build/image.qcow2'), path.dirname(project.directory)), '');
}
