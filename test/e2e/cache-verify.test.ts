// vlb cache verify: what is damaged is found, moved aside and told, and the next build makes it again.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  readSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type { Verified } from '../../src/model/ports/store-upkeep.ts';
import { leftovers, readFromImage } from '../rig/host-state.ts';
import { TestProject } from '../rig/project.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

const FILES = {
  'layers/10_base/modify-disk': tinyDisk(),
  'layers/20_app/build-layer': buildLayer('echo app > /app'),
  'layers/30_end/build-layer': buildLayer('cat /app > /end'),
};

/** The artifact of a layer. */
function artifact(project: TestProject, layer: string): string {
  return path.resolve(project.path('build'), readlinkSync(project.path(`build/${layer}.qcow2`)));
}

/** The record of a layer. */
function record(project: TestProject, layer: string): string {
  const keys = project.path('.vlb/store/keys');
  const name = readdirSync(keys).find(
    (entry) =>
      entry.endsWith('.json') && JSON.parse(readFileSync(path.join(keys, entry), 'utf8')).layer === layer,
  );
  return path.join(keys, name ?? 'none');
}

function flipBit(file: string, at: number): void {
  chmodSync(file, 0o644);
  const descriptor = openSync(file, 'r+');
  const byte = Buffer.alloc(1);
  readSync(descriptor, byte, 0, 1, at);
  writeSync(descriptor, Buffer.from([(byte[0] ?? 0) ^ 1]), 0, 1, at);
  closeSync(descriptor);
}

interface Damage {
  readonly name: string;
  readonly layer: string;
  readonly apply: (project: TestProject) => void;
  readonly says: RegExp;
}

const DAMAGES: readonly Damage[] = [
  {
    name: 'a flipped bit',
    layer: '20_app',
    apply: (project) =>
      flipBit(artifact(project, '20_app'), statSync(artifact(project, '20_app')).size - 100),
    says: /^bad: 20_app: .*\.qcow2 has the wrong digest [0-9a-f]{64}; moved to .*damaged$/m,
  },
  {
    name: 'a truncated file',
    layer: '20_app',
    apply: (project) => {
      chmodSync(artifact(project, '20_app'), 0o644);
      truncateSync(artifact(project, '20_app'), 70_000);
    },
    says: /^bad: 20_app: .* has 70000 bytes instead of \d+; moved to/m,
  },
  {
    name: 'a wrong backing reference',
    layer: '30_end',
    apply: (project) => {
      const file = artifact(project, '30_end');
      chmodSync(file, 0o644);
      const wrong = `./${path.basename(artifact(project, '10_base'))}`;
      execFileSync('qemu-img', ['rebase', '-u', '-f', 'qcow2', '-F', 'qcow2', '-b', wrong, file]);
    },
    says: /^bad: 30_end: .* has the backing file \.\/[0-9a-f]{64}\.qcow2 instead of [0-9a-f]{64}\.qcow2; moved to/m,
  },
  {
    name: 'a deleted artifact',
    layer: '20_app',
    apply: (project) => rmSync(artifact(project, '20_app')),
    says: /^bad: 20_app: .* is missing; moved to/m,
  },
  {
    name: 'a half-written record',
    layer: '20_app',
    apply: (project) => {
      const file = record(project, '20_app');
      writeFileSync(file, readFileSync(file).subarray(0, 200));
    },
    says: /^bad: .*\.json is not a complete record; moved to/m,
  },
];

for (const { name, layer, apply, says } of DAMAGES) {
  test(`verify finds ${name}, and the next build heals it`, async () => {
    await using project = new TestProject(FILES);
    assert.equal((await project.build()).status, 0);
    const good = await project.vlb(['cache', 'verify']);
    assert.equal(good.status, 0, good.stderr);
    assert.match(good.stdout, /^checked 3 artifacts, [\d.]+ MiB: all good\n$/);

    apply(project);
    const bad = await project.vlb(['cache', 'verify']);
    assert.equal(bad.status, 1, bad.stdout + bad.stderr);
    assert.match(bad.stderr, says);
    assert.equal(bad.stderr.match(/^bad:/gm)?.length, 1, bad.stderr);
    assert.match(bad.stdout, /: 1 bad; the next build rebuilds what it needs\n$/);
    assert.ok(readdirSync(project.path('.vlb/store/damaged')).length > 0);
    assert.equal(
      (await project.vlb(['cache', 'verify'])).status,
      0,
      'what was moved aside is not found again',
    );

    const healed = await project.build();
    assert.equal(healed.status, 0, healed.told);
    assert.ok(healed.outcomes.includes(`${layer} built`), healed.outcomes);
    assert.ok(healed.outcomes.startsWith('10_base fresh'), healed.outcomes);
    assert.equal((await project.vlb(['cache', 'verify'])).status, 0);
    const image = project.path('build/image.qcow2');
    execFileSync('qemu-img', ['check', '-q', image]);
    assert.equal(readFromImage(image, path.dirname(project.directory), '/end'), 'app\n');
    assert.match((await project.build()).outcomes, /^(\d+_\w+ fresh(, )?){3}$/);
    assert.deepEqual(leftovers(project), []);
  });
}

test('verify for programs, with several bad entries and those that nothing names', async () => {
  await using project = new TestProject({
    ...FILES,
    'layers/30_end/build-layer': buildLayer('cat /app > /end', '# nocache'),
  });
  assert.equal((await project.build()).status, 0);
  flipBit(artifact(project, '10_base'), 70_000);
  flipBit(artifact(project, '30_end'), 70_000);
  const ended = await project.vlb(['cache', 'verify', '--json']);
  assert.equal(ended.status, 1);
  const verified: Verified = JSON.parse(ended.stdout);
  assert.equal(verified.artifacts.count, 3);
  assert.deepEqual(verified.bad.map(({ layer }) => layer ?? 'none').sort(), ['10_base', 'none']);
  const healed = await project.build();
  assert.equal(healed.status, 0, healed.told);
  execFileSync('qemu-img', ['check', '-q', project.path('build/image.qcow2')]);
  assert.equal((await project.vlb(['cache', 'verify'])).status, 0);
});

test('verify --rebuild tells whether a layer comes out the same, and keeps nothing of it', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': '#!/bin/sh\n# vlb: from scratch\n# vlb: disk-size 8M\nprintf same >"$3"\n',
    'layers/20_random/modify-disk': '#!/bin/sh\n# vlb: disk-size 8M\nhead -c 4096 /dev/urandom >"$3"\n',
  });
  const early = await project.vlb(['cache', 'verify', '--rebuild', 'base']);
  assert.equal(early.status, 2);
  assert.match(
    early.stderr,
    /10_base has not been built in its current state[\s\S]*help: run vlb build first/,
  );
  assert.equal((await project.build()).status, 0);
  const before = readdirSync(project.path('.vlb/store'), { recursive: true }).sort();

  const same = await project.vlb(['cache', 'verify', '--rebuild', 'base']);
  assert.equal(same.status, 0, same.stderr);
  assert.match(same.stdout, /^10_base is reproducible: [0-9a-f]{12}\n$/);
  const other = await project.vlb(['cache', 'verify', '--rebuild', '20_random']);
  assert.equal(other.status, 1, other.stderr);
  assert.match(
    other.stdout,
    /^20_random is not reproducible: [0-9a-f]{12}, previously [0-9a-f]{12}\n.*rarely identical/,
  );
  const told = JSON.parse((await project.vlb(['cache', 'verify', '--rebuild', '20', '--json'])).stdout);
  assert.deepEqual([told.layer, told.same], ['20_random', false]);

  assert.deepEqual(readdirSync(project.path('.vlb/store'), { recursive: true }).sort(), before);
  assert.match((await project.build()).outcomes, /^10_base fresh, 20_random fresh$/);
  assert.deepEqual(leftovers(project), []);
});

test('a parent that qemu refuses during a build is moved aside, and the next build makes it anew', async () => {
  await using project = new TestProject(FILES);
  assert.equal((await project.build()).status, 0);
  const file = artifact(project, '20_app');
  const { atime, mtime } = statSync(file);
  chmodSync(file, 0o644);
  const descriptor = openSync(file, 'r+');
  writeSync(descriptor, Buffer.alloc(512), 0, 512, 0);
  closeSync(descriptor);
  utimesSync(file, atime, mtime); // a disk that rots tells no time
  project.write({ 'layers/30_end/build-layer': buildLayer('cat /app > /end; true') });
  const refused = await project.build();
  assert.equal(refused.status, 3, refused.told);
  assert.match(refused.told, /sha256\/[0-9a-f]{64}\.qcow2 is damaged; it was moved to/);
  assert.equal(refused.finished?.failure?.hint, 'run vlb build again to rebuild the damaged layer');
  const healed = await project.build();
  assert.equal(healed.outcomes, '10_base fresh, 20_app built, 30_end built', healed.told);
  execFileSync('qemu-img', ['check', '-q', project.path('build/image.qcow2')]);
});
