// What a run consists of is killed, part by part, at each stage: the build fails and says so, or it ends well; nothing is
// left, what was built before is still there, and the next build is right. (vlb itself: interrupt.test.ts.)

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Stage } from '../../src/model/event.ts';
import { checkFileSystem, readFromImage, untilClean } from '../rig/host-state.ts';
import { findPart, fuseConnections, killDaemonLast, type Part, send, untilEnded } from '../rig/parts.ts';
import { type Built, TestProject } from '../rig/project.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

/** The stages at which there is such a process, or soon is. */
const STAGES: readonly (readonly [Part, what: string, readonly Stage[]])[] = [
  ['keeper', 'the process that waits for the root shell', ['attach', 'run', 'unmount']],
  ['shell', 'the root shell', ['create', 'stage', 'attach', 'mount', 'run', 'unmount', 'detach']],
  ['server', "the root shell's process that takes commands", ['stage', 'attach', 'run', 'detach']],
  ['daemon', 'qemu-storage-daemon', ['attach', 'mount', 'run', 'unmount', 'detach']],
  ['holder', 'the holder of the loop device', ['attach', 'mount', 'run', 'unmount']],
  ['init', "the first process of the script's namespaces", ['run']],
  ['script', 'the script', ['run']],
];

/** Kills something of the run of a vlb, and returns whether there was such a thing. */
type Strike = (vlb: number) => boolean | Promise<boolean>;

/** Kills a part with SIGKILL. */
function strikeAt(part: Part): Strike {
  return (vlb) => findPart(part, vlb).filter((pid) => send(pid)).length > 0;
}

/** Builds, and strikes as soon as it can at that stage; tells whether it could. The daemons of the run have ended then. */
async function buildAndKill(
  project: TestProject,
  strike: Strike,
  stage: Stage,
): Promise<{ built: Built; killed: boolean }> {
  let over = false;
  let done: Promise<boolean> | undefined;
  let hung: readonly number[] = [];
  const kill = async (vlb: number) => {
    while (!over) {
      const daemons = findPart('daemon', vlb);
      const connections = daemons.flatMap(fuseConnections);
      if (await strike(vlb)) {
        hung = await untilEnded(daemons, connections);
        return true;
      }
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
  const killed = (await done) ?? false;
  assert.deepEqual(hung, [], 'a daemon waits for itself');
  return { built, killed };
}

function twoLayers(): TestProject {
  return new TestProject({
    'layers/10_base/modify-disk': tinyDisk({ size: '64M' }),
    'layers/20_app/build-layer': buildLayer('true'),
  });
}

/** Builds with a strike at that stage: it fails or ends well, nothing is left, and the next build is right. */
async function checkStrike(project: TestProject, what: string, strike: Strike, stage: Stage): Promise<void> {
  const scratch = path.dirname(project.directory);
  let content = '';
  const attempt = async (tries: number): Promise<Built> => {
    content = `${what} ${stage} ${tries}`;
    // Long enough to be met, and writing all the while.
    const writes = 'dd if=/dev/zero of=/zero bs=1k count=300 2>/dev/null';
    const script = `echo ${content} > /made; ${writes}; sleep ${stage === 'run' ? 2 : 0}; rm /zero`;
    project.write({ 'layers/20_app/build-layer': buildLayer(script) });
    const { built, killed } = await buildAndKill(project, strike, stage);
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
}

for (const [part, what, stages] of STAGES) {
  test(`SIGKILL of ${what} at each stage at which there is one`, async (t) => {
    await using project = twoLayers();
    assert.equal((await project.build()).status, 0);
    for (const stage of stages) {
      await t.test(`fault: ${what} is killed at ${stage}`, () =>
        checkStrike(project, part, strikeAt(part), stage),
      );
    }
  });
}

// The last process of a mount namespace unmounts what is in it. If that is the disk of qemu-storage-daemon, and the last process
// is qemu-storage-daemon, then it waits for itself, and sync(2) waits for it.
test('SIGKILL of all processes of a run', async (t) => {
  await using project = twoLayers();
  assert.equal((await project.build()).status, 0);
  const first: Strike = (vlb) => strikeAt('daemon')(vlb) && strikeAt('keeper')(vlb);
  for (const [strike, order] of [
    [first, 'first'],
    [killDaemonLast, 'last'],
  ] as const) {
    for (const stage of ['run', 'unmount'] as const) {
      await t.test(`fault: all of a run is killed at ${stage}, qemu-storage-daemon ${order}`, () =>
        checkStrike(project, order, strike, stage),
      );
    }
  }
});

test('a build whose qemu-storage-daemon was killed says so, whatever the script says', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk({ size: '64M' }),
    'layers/20_app/build-layer': buildLayer('true'),
  });
  assert.equal((await project.build()).status, 0);
  for (const then of ['exit 1', 'exit 0']) {
    project.write({ 'layers/20_app/build-layer': buildLayer(`echo begun > /made; sleep 2; ${then}`) });
    const { built } = await buildAndKill(project, strikeAt('daemon'), 'run');
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
  const { built } = await buildAndKill(project, strikeAt('shell'), 'run');
  assert.equal(built.status, 3, built.told);
  assert.match(built.finished?.failure?.message ?? '', /^the root shell ended while it ran/);
  assert.match(built.finished?.failure?.hint ?? '', /run vlb again/);
});
