// ^C, SIGTERM and SIGKILL at every stage: it ends soon, nothing stays attached, and the next build is right.

import assert from 'node:assert/strict';
import { truncateSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type { Stage } from '../../src/model/event.ts';
import { checkFileSystem, leftovers, readFromImage, untilClean } from '../rig/host-state.ts';
import { TestProject } from '../rig/project.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

const STAGES: readonly Stage[] = ['create', 'stage', 'attach', 'mount', 'run', 'unmount', 'detach', 'commit'];

for (const [signal, status] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGKILL', null],
] as const) {
  test(`${signal} at each stage of a run`, async (t) => {
    await using project = new TestProject({
      'layers/10_base/modify-disk': tinyDisk(),
      'layers/20_app/build-layer': buildLayer('true'),
    });
    const scratch = path.dirname(project.directory);
    assert.equal((await project.build()).status, 0);
    for (const stage of STAGES) {
      await t.test(`fault: ${signal} at ${stage}`, async () => {
        // The script keeps processes and a mount of its own, and does not listen to signals.
        project.write({
          'layers/20_app/build-layer': buildLayer(
            `trap '' INT TERM; mount -t tmpfs tmpfs /root; sleep ${stage === 'run' ? 60 : 0} & wait; echo ${stage}${signal} > /made`,
          ),
        });
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
        project.write({ 'layers/20_app/build-layer': buildLayer(`echo ${stage}${signal} > /made`) });
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
