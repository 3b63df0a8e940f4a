// ^C, SIGTERM and SIGKILL at every stage: it ends soon, nothing stays attached, and the next build is right.

import assert from 'node:assert/strict';
import { truncateSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type { Stage } from '../../src/model/event.ts';
import type { ScriptKind } from '../../src/model/project.ts';
import { checkFileSystem, leftovers, readFromImage, untilClean } from '../rig/host-state.ts';
import { TestProject } from '../rig/project.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

interface Kind {
  readonly stages: readonly Stage[];
  /** A script that leaves this text in /made. */
  readonly script: (text: string) => string;
  /** One that besides keeps processes and a mount of its own, and does not listen to signals. */
  readonly stubborn: (text: string, seconds: number) => string;
}

const KINDS: Readonly<Record<Exclude<ScriptKind, 'layer.yaml' | 'boot-layer'>, Kind>> = {
  'build-layer': {
    stages: ['create', 'stage', 'attach', 'mount', 'run', 'unmount', 'detach', 'commit'],
    script: (text) => buildLayer(`echo ${text} > /made`),
    stubborn: (text, seconds) =>
      buildLayer(
        `trap '' INT TERM; mount -t tmpfs tmpfs /root; sleep ${seconds} & wait; echo ${text} > /made`,
      ),
  },
  'modify-disk': {
    stages: ['create', 'stage', 'attach', 'run', 'unmount', 'detach', 'commit'],
    script: (text) => modifyDisk(`echo ${text} > "$TMPDIR/root/made"`),
    stubborn: (text, seconds) =>
      modifyDisk(`echo ${text} > "$TMPDIR/root/made"; sleep ${seconds} & wait`).replace(
        'set -eu',
        `set -eu\ntrap '' INT TERM`,
      ),
  },
};

/** With these commands while the first partition is mounted. */
function modifyDisk(commands: string): string {
  return `#!/bin/sh
# vlb: disk-size 256M
set -eu
mkdir "$TMPDIR/root"
mount "$3p1" "$TMPDIR/root"
${commands}
umount "$TMPDIR/root"
`;
}

for (const [signal, status, script] of [
  ['SIGINT', 130, 'build-layer'],
  ['SIGTERM', 143, 'build-layer'],
  ['SIGKILL', null, 'build-layer'],
  ['SIGTERM', 143, 'modify-disk'],
  ['SIGKILL', null, 'modify-disk'],
] as const) {
  test(`${signal} at each stage of the run of a ${script}`, async (t) => {
    const kind = KINDS[script];
    const file = `layers/20_app/${script}`;
    await using project = new TestProject({
      'layers/10_base/modify-disk': tinyDisk(),
      [file]: kind.script('first'),
    });
    const scratch = path.dirname(project.directory);
    assert.equal((await project.build()).status, 0);
    for (const stage of kind.stages) {
      await t.test(`fault: ${signal} at ${stage} of a ${script}`, async () => {
        project.write({ [file]: kind.stubborn(`${stage}${signal}`, stage === 'run' ? 60 : 0) });
        let sentAt = 0;
        const ended = await project.build([], {
          onStdout: (text, kill) => {
            if (sentAt > 0 || !text.includes(`"stage":"${stage}"`)) return;
            sentAt = performance.now();
            kill(signal);
          },
        });
        const took = performance.now() - sentAt;
        assert.ok(sentAt > 0, 'the stage was reached');
        assert.ok(took < 2000, `it took ${took} ms to end`);
        // A commit that had its last byte on disk may as well have ended well.
        if (!(stage === 'commit' && ended.status === 0)) assert.equal(ended.status, status, ended.told);
        if (signal !== 'SIGKILL') assert.deepEqual(leftovers(project), []);
        // After SIGKILL the kernel takes a moment to end the namespaces.
        await untilClean(project, (found) => !/attached|running|mount/.test(found));
        project.write({ [file]: kind.script(`${stage}${signal}`) });
        const next = await project.build();
        assert.equal(next.status, 0, next.told);
        assert.deepEqual(leftovers(project), []);
        const image = project.path('build/image.qcow2');
        assert.equal(checkFileSystem(image, scratch), '');
        assert.equal(readFromImage(image, scratch, '/made'), `${stage}${signal}\n`);
        assert.ok(next.outcomes.startsWith('10_base fresh'), 'what was built before is still there');
        assert.equal((await project.vlb(['cache', 'verify'])).status, 0);
      });
    }
  });
}

test('^C while gigabytes are copied, hashed and flushed ends it as soon', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_app/build-layer': buildLayer('true'),
    'layers/20_app/large': '',
  });
  truncateSync(project.path('layers/20_app/large'), 3 * 1024 ** 3);
  assert.equal((await project.build(['base'])).status, 0);
  let sentAt = 0;
  const ended = await project.build([], {
    onStdout: (text, kill) => {
      if (sentAt > 0 || !text.includes('"stage":"stage"')) return;
      sentAt = performance.now();
      kill('SIGINT');
    },
  });
  const took = performance.now() - sentAt;
  assert.equal(ended.status, 130, ended.told);
  assert.ok(took < 2000, `it took ${took} ms to end`);
  assert.deepEqual(leftovers(project), []);
});
