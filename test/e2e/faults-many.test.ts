// Ten builds at once, of one project and on one store, while some of them are killed; and what is killed outside of a layer's
// run: the import of a base, the flattening of an image.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { leftovers, readFromImage, untilClean } from '../rig/host-state.ts';
import { findPart } from '../rig/parts.ts';
import { type Built, TestProject } from '../rig/project.ts';
import { damages } from '../rig/store-truth.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

const MANY = 10;

const FILES = {
  'layers/10_base/modify-disk': tinyDisk({ size: '16M' }),
  // Never the same bytes twice.
  'layers/20_random/build-layer': buildLayer(
    'echo begun; dd if=/dev/urandom of=/random bs=1k count=64 2>/dev/null',
  ),
  'layers/30_end/build-layer': buildLayer('cat /random > /copy; echo end > /end'),
};

const LAYERS = ['10_base', '20_random', '30_end'];

/** How often each layer was built by all of them together. */
function timesBuilt(builds: readonly Built[]): number[] {
  return LAYERS.map((layer) => builds.filter(({ outcomes }) => outcomes.includes(`${layer} built`)).length);
}

function assertRight(project: TestProject, store: string): void {
  const image = project.path('build/image.qcow2');
  execFileSync('qemu-img', ['check', '-q', image]);
  assert.equal(readFromImage(image, path.dirname(project.directory), '/end'), 'end\n');
  assert.deepEqual(damages(store), []);
  assert.deepEqual(readdirSync(path.join(store, 'locks')), []);
  assert.deepEqual(readdirSync(path.join(store, 'leases')), []);
  // Nobody's bytes stayed beside those that were taken.
  assert.equal(readdirSync(path.join(store, 'sha256')).length, LAYERS.length);
}

test('fault: ten builds of one project at once', async () => {
  await using project = new TestProject(FILES);
  const builds = await Promise.all(Array.from({ length: MANY }, () => project.build()));
  for (const built of builds) assert.equal(built.status, 0, built.told);
  assert.deepEqual(timesBuilt(builds), [1, 1, 1]);
  assert.deepEqual(leftovers(project), []);
  assertRight(project, project.path('.vlb/store'));
});

test('fault: ten builds of ten projects at once, on one store', async () => {
  await using all = new AsyncDisposableStack();
  const projects = Array.from({ length: MANY }, () => all.use(new TestProject(FILES)));
  const [first] = projects;
  assert.ok(first);
  const store = first.path('store');
  const builds = await Promise.all(projects.map((project) => project.build(['--cache-dir', store])));
  for (const built of builds) assert.equal(built.status, 0, built.told);
  assert.deepEqual(timesBuilt(builds), [1, 1, 1]);
  for (const project of projects) assertRight(project, store);
});

test('fault: ten builds at once, of which each that builds is killed, until three are left', async () => {
  await using project = new TestProject(FILES);
  let killed = 0;
  const builds = await Promise.all(
    Array.from({ length: MANY }, async () => {
      let done = false;
      return project.build([], {
        onStdout: (text, kill) => {
          if (done || killed >= MANY - 3 || !text.includes('"line":"begun"')) return;
          done = true;
          killed++;
          kill('SIGKILL');
        },
      });
    }),
  );
  assert.equal(killed, MANY - 3);
  assert.equal(builds.filter(({ status }) => status === null).length, killed);
  const survivors = builds.filter(({ status }) => status !== null);
  for (const built of survivors) assert.equal(built.status, 0, built.told);
  assert.deepEqual(timesBuilt(survivors).slice(1), [1, 1]);
  await untilClean(project);
  assertRight(project, project.path('.vlb/store'));
});

for (const [packing, pack] of [
  ['xz', ['xz', '-0']],
  ['zstd', ['zstd', '-q', '--rm']],
] as const) {
  test(`fault: SIGKILL while a base is unpacked, packed as ${packing}`, async () => {
    await using project = new TestProject({
      'vlb.yaml': `base: base.raw.${packing === 'xz' ? 'xz' : 'zst'}\n`,
      'layers/10_end/modify-disk':
        '#!/bin/sh\n# vlb: from base\n# vlb: disk-size 512M\nprintf end | dd of="$3" bs=1 seek=100000000\n',
    });
    writeFileSync(project.path('base.raw'), 'base\n');
    execFileSync('truncate', ['-s', '300M', project.path('base.raw')]);
    execFileSync(pack[0], [...pack.slice(1), project.path('base.raw')]);
    const store = project.path('.vlb/store/sha256');
    let watching = true;
    const ended = project.build([], {
      onStdout: (text, kill, vlb) => {
        if (!text.includes('"layer-started"')) return;
        const look = () => {
          const unpacking =
            existsSync(store) && readdirSync(store).some((name) => name.endsWith('.unpacked'));
          const unpackers = findPart('xz', vlb);
          if (unpacking && (packing !== 'xz' || unpackers.length > 0)) {
            // It would be done soon, and end by itself.
            for (const pid of unpackers) process.kill(pid, 'SIGSTOP');
            kill('SIGKILL');
          } else if (watching) setTimeout(look, 2);
        };
        look();
      },
    });
    const killed = await ended;
    watching = false;
    assert.equal(killed.status, null, killed.told);
    await untilClean(project, (found) => found.startsWith('the '));
    const next = await project.build();
    assert.equal(next.status, 0, next.told);
    await untilClean(project);
    const raw = path.join(path.dirname(project.directory), 'raw');
    execFileSync('qemu-img', ['convert', '-O', 'raw', project.path('build/image.qcow2'), raw]);
    assert.equal(execFileSync('head', ['-c', '5', raw], { encoding: 'utf8' }), 'base\n');
    assert.deepEqual(damages(project.path('.vlb/store')), []);
  });
}

test('fault: SIGKILL while an image is flattened leaves the earlier one as it was', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk':
      '#!/bin/sh\n# vlb: from scratch\n# vlb: disk-size 128M\nhead -c 96M /dev/urandom > "$3"\n',
    'layers/20_end/modify-disk': '#!/bin/sh\n# vlb: disk-size 128M\nprintf one > "$3"\n',
  });
  const first = await project.build(['--flatten']);
  assert.equal(first.status, 0, first.told);
  const image = project.path('build/image.qcow2');
  const { ino, mtimeMs } = statSync(image);
  project.write({
    'layers/20_end/modify-disk': '#!/bin/sh\n# vlb: disk-size 128M\nprintf two > "$3"\n',
  });
  let watching = true;
  const ended = project.build(['--flatten'], {
    onStdout: (text, kill) => {
      if (!text.includes('"layer":"20_end","outcome"')) return;
      const look = () => {
        if (readdirSync(project.path('build')).some((name) => name.startsWith('.flattening')))
          kill('SIGKILL');
        else if (watching) setTimeout(look, 1);
      };
      look();
    },
  });
  const killed = await ended;
  watching = false;
  assert.equal(killed.status, null, killed.told);
  assert.deepEqual([statSync(image).ino, statSync(image).mtimeMs], [ino, mtimeMs]);
  const next = await project.build(['--flatten']);
  assert.equal(next.outcomes, '10_base fresh, 20_end fresh', next.told);
  await untilClean(project);
  const raw = path.join(path.dirname(project.directory), 'raw');
  execFileSync('qemu-img', ['convert', '-O', 'raw', image, raw]);
  assert.equal(execFileSync('head', ['-c', '3', raw], { encoding: 'utf8' }), 'two');
});
