// Booted layers whose machine ends before a system has started, on guests of a few bytes.

import assert from 'node:assert/strict';
import { readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { LayerFinished } from '../../src/model/event.ts';
import { diskThatWrites } from '../rig/boot/boot-sector.ts';
import { leftovers } from '../rig/host-state.ts';
import { guestsOf } from '../rig/machine-processes.ts';
import { type Built, TestProject } from '../rig/project.ts';

function failureOf(built: Built) {
  return built.events.find(
    (event): event is LayerFinished => event.type === 'layer-finished' && event.outcome === 'failed',
  )?.failure;
}

const PANIC = 'Kernel panic - not syncing: none';

for (const [what, text, ending, hints, kind, message] of [
  ['panics', PANIC, 'halt', '', 'work', /^the guest panicked: Kernel panic - not syncing: none$/],
  ['is reset', 'hello', 'reset', '', 'work', /^the guest rebooted before it started the script$/],
  ['powers off', 'hello', 'power off', '', 'work', /^the guest powered off before it started the script$/],
  ['hangs', 'hello', 'halt', '# vlb: timeout 3s', 'work', /ran longer than its timeout, 3 s$/],
  [
    'gets no memory',
    'x',
    'halt',
    '# vlb: memory 900000G',
    'host',
    /^QEMU failed with exit status 1: .*memory/,
  ],
] as const) {
  test(`a guest that ${what}`, async () => {
    await using project = new TestProject({
      'layers/10_app/boot-layer': `#!/bin/sh\n${hints}\n:\n`,
      'vlb.yaml': 'base: guest.img\n',
    });
    writeFileSync(project.path('guest.img'), diskThatWrites(`\r\n${text}\r\n`, ending));
    const built = await project.build();
    assert.notEqual(built.status, 0);
    const failure = failureOf(built);
    assert.equal(failure?.kind, kind, built.told);
    assert.match(failure?.message ?? '', message);
    if (kind === 'work') assert.ok(failure?.detail?.includes(text), built.told);
    assert.deepEqual(leftovers(project), []);
  });
}

for (const [signal, status] of [
  ['SIGINT', 130],
  ['SIGTERM', 143],
  ['SIGKILL', null],
] as const) {
  test(`fault: ${signal} while a guest runs leaves nothing running, and what was there before`, async () => {
    await using project = new TestProject({
      'layers/10_app/boot-layer': '#!/bin/sh\n:\n',
      'vlb.yaml': 'base: guest.img\n',
    });
    const env = { TMPDIR: path.dirname(project.directory) };
    const scratches = () => readdirSync(env.TMPDIR).filter((name) => name.startsWith('vlb-boot-'));
    writeFileSync(project.path('guest.img'), diskThatWrites('\r\nhello\r\n'));
    let sentAt = 0;
    const ended = await project.build([], {
      env,
      onStdout: (text, kill) => {
        if (sentAt > 0 || !text.includes('"line":"[guest] hello"')) return;
        sentAt = performance.now();
        assert.equal(guestsOf(project.directory).length, 1);
        kill(signal);
      },
    });
    const took = performance.now() - sentAt;
    assert.ok(sentAt > 0, ended.told);
    assert.ok(took < 2000, `it took ${took} ms to end`);
    assert.equal(ended.status, status, ended.told);
    if (signal !== 'SIGKILL') {
      assert.deepEqual(leftovers(project), []);
      assert.deepEqual(scratches(), []);
    }
    for (let tries = 0; guestsOf(project.directory).length > 0; tries++) {
      assert.ok(tries < 50, 'a guest is still running');
      await sleep(100);
    }
    project.write({ 'layers/10_app/boot-layer': '#!/bin/sh\n# vlb: timeout 1s\n:\n' });
    const next = await project.build([], { env });
    assert.match(next.outcomes, /^base (?:fresh|restored), 10_app failed$/, next.told);
    assert.deepEqual(leftovers(project), []);
    assert.deepEqual(scratches(), []);
  });
}

test('files that do not fit into the memory of the guest are refused', async () => {
  await using project = new TestProject({
    'layers/10_app/boot-layer': '#!/bin/sh\n# vlb: memory 64M\n',
    'layers/10_app/large': 'x'.repeat(40 * 2 ** 20),
    'vlb.yaml': 'base: guest.img\n',
  });
  writeFileSync(project.path('guest.img'), diskThatWrites('x'));
  const built = await project.build();
  assert.equal(built.status, 2, built.told);
  assert.match(
    failureOf(built)?.message ?? '',
    /^the files of layer 10_app take 41 MiB of the guest's memory, which has 64 MiB$/,
  );
  assert.match(failureOf(built)?.hint ?? '', /# vlb: memory 161M/);
});
