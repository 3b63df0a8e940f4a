// What a run consists of is killed, part by part, at each stage: the build fails and says so, or it ends well; nothing is
// left, what was built before is still there, and the next build is right. (vlb itself: interrupt.test.ts.)

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Stage } from '../../src/model/event.ts';
import { checkFileSystem, readFromImage, untilClean } from '../rig/host-state.ts';
import { findPart, type Part } from '../rig/parts.ts';
import { type Built, TestProject } from '../rig/project.ts';
import { isRoot, runAsRoot } from '../rig/root.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

/** The stages at which there is such a process, or soon is. */
const STAGES: readonly (readonly [Part, what: string, readonly Stage[]])[] = [
  ['shell', 'the root shell', ['create', 'stage', 'attach', 'mount', 'run', 'unmount', 'detach']],
  ['server', "the root shell's process that takes commands", ['stage', 'attach', 'run', 'detach']],
  ['daemon', 'qemu-storage-daemon', ['attach', 'mount', 'run', 'unmount', 'detach']],
  ['holder', 'the holder of the loop device', ['attach', 'mount', 'run', 'unmount']],
  ['init', "the first process of the script's namespaces", ['run']],
  ['script', 'the script', ['run']],
];

/** Whether a process could be killed: it may just have ended. */
function killed(pid: number): boolean {
  try {
    if (isRoot) return process.kill(pid, 'SIGKILL');
    runAsRoot('kill', '-KILL', String(pid)); // most of them are root's
    return true;
  } catch {
    return false;
  }
}

/** Builds, and kills a part with SIGKILL as soon as there is one at that stage; tells whether there was. */
async function buildAndKill(
  project: TestProject,
  part: Part,
  stage: Stage,
): Promise<{ built: Built; killed: boolean }> {
  let over = false;
  let done: Promise<boolean> | undefined;
  const kill = async (vlb: number) => {
    while (!over) {
      if (findPart(part, vlb).filter(killed).length > 0) return true;
      await sleep(1);
    }
    return false;
  };
  const built = await project.build([], {
    onStdout: (text, _, vlb) => {
      if (text.includes(`"stage":"${stage}"`)) done ??= kill(vlb);
    },
  });
  over = true;
  return { built, killed: (await done) ?? false };
}

for (const [part, what, stages] of STAGES) {
  test(`SIGKILL of ${what} at each stage at which there is one`, async (t) => {
    await using project = new TestProject({
      'layers/10_base/modify-disk': tinyDisk({ size: '64M' }),
      'layers/20_app/build-layer': buildLayer('true'),
    });
    const scratch = path.dirname(project.directory);
    assert.equal((await project.build()).status, 0);
    for (const stage of stages) {
      await t.test(`fault: ${what} is killed at ${stage}`, async () => {
        let content = '';
        const attempt = async (tries: number): Promise<Built> => {
          content = `${part} ${stage} ${tries}`;
          // Long enough to be met, and writing all the while.
          const writes = 'dd if=/dev/zero of=/zero bs=1k count=300 2>/dev/null';
          const script = `echo ${content} > /made; ${writes}; sleep ${stage === 'run' ? 2 : 0}; rm /zero`;
          project.write({ 'layers/20_app/build-layer': buildLayer(script) });
          const { built, killed } = await buildAndKill(project, part, stage);
          if (killed) return built;
          // It was over before it could be met.
          assert.equal(built.status, 0, built.told);
          assert.ok(tries < 20, `there never is ${what} at ${stage}`);
          return attempt(tries + 1);
        };
        const built = await attempt(0);
        await untilClean(project);
        assert.ok(built.outcomes.startsWith('10_base fresh'), built.told);
        if (built.status === 0) assert.equal(built.outcomes, '10_base fresh, 20_app built', built.told);
        else {
          assert.ok(built.status === 1 || built.status === 3, built.told);
          assert.equal(built.outcomes, '10_base fresh, 20_app failed', built.told);
          assert.notEqual(built.finished?.failure, undefined, built.told);
        }
        const next = await project.build();
        assert.equal(
          next.outcomes,
          built.status === 0 ? '10_base fresh, 20_app fresh' : '10_base fresh, 20_app built',
          next.told,
        );
        await untilClean(project);
        const image = project.path('build/image.qcow2');
        assert.equal(checkFileSystem(image, scratch), '');
        assert.equal(readFromImage(image, scratch, '/made'), `${content}\n`);
        assert.equal((await project.vlb(['cache', 'verify'])).status, 0);
      });
    }
  });
}

test('a build whose qemu-storage-daemon was killed says so, whatever the script says', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk({ size: '64M' }),
    'layers/20_app/build-layer': buildLayer('true'),
  });
  assert.equal((await project.build()).status, 0);
  for (const then of ['exit 1', 'exit 0']) {
    project.write({ 'layers/20_app/build-layer': buildLayer(`echo begun > /made; sleep 2; ${then}`) });
    const { built } = await buildAndKill(project, 'daemon', 'run');
    assert.equal(built.status, 3, built.told);
    assert.match(
      built.finished?.failure?.message ?? '',
      /^qemu-storage-daemon ended while \/dev\/loop\d+ was/,
    );
    assert.equal(
      existsSync(project.path('.vlb/failed/20_app.qcow2')),
      false,
      'such a disk is no use to anybody',
    );
    await untilClean(project);
  }
});

test('a build whose root shell was killed says so', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk({ size: '64M' }),
    'layers/20_app/build-layer': buildLayer('echo begun; sleep 60'),
  });
  const { built } = await buildAndKill(project, 'shell', 'run');
  assert.equal(built.status, 3, built.told);
  assert.match(built.finished?.failure?.message ?? '', /^the root shell ended while it ran/);
  assert.match(built.finished?.failure?.hint ?? '', /run vlb again/);
});
