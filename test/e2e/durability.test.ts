// The power is cut while vlb builds, at moments chosen by chance: the store never tells of what is not there whole, and the
// next build is right. The disk below the project logs every write and flush, see test/rig/power-cut.ts.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { readFromImage } from '../rig/host-state.ts';
import { CutDisk, checkAfterReplay, LoggedDisk, randomNumbers } from '../rig/power-cut.ts';
import { Built, run, TestProject, VLB } from '../rig/project.ts';
import { damages } from '../rig/store-truth.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

const SEED = Number(process.env['VLB_TEST_SEED'] ?? 20_261_121);
const CUTS = 20;

const FILES = {
  'layers/10_base/modify-disk': tinyDisk({ size: '32M' }),
  'layers/20_app/build-layer': buildLayer('cat /mnt/version > /app'),
  'layers/20_app/version': 'one\n',
  'layers/30_end/build-layer': buildLayer('cat /app > /end'),
  'layers/40_never/build-layer': buildLayer('cat /end > /never', '# nocache'),
};

/** The moments at which each flush was done, as numbers of entries. */
function flushes(disk: LoggedDisk, from: number): number[] {
  const entries = disk.entries();
  return entries.flatMap(({ flags }, index) => (index >= from && (flags & 1) !== 0 ? [index + 1] : []));
}

test('power cuts while it builds', async (t) => {
  await using project = new TestProject({});
  const scratch = path.dirname(project.directory);
  using disk = new LoggedDisk(project.directory, scratch);
  project.write(FILES);
  const begun = disk.sync();
  const first = await project.build();
  assert.equal(first.status, 0, first.told);
  const before = disk.sync();
  project.write({ 'layers/20_app/version': 'two\n' });
  disk.sync();
  const second = await project.build();
  assert.equal(second.outcomes, '10_base fresh, 20_app built, 30_end built, 40_never built', second.told);
  const moments = flushes(disk, begun);
  const all = disk.entries().length;
  disk.end();
  t.diagnostic(`seed ${SEED}; ${all} entries in the log, of which ${moments.length} are flushes`);
  // Each layer flushes its artifact, the names of artifacts, its record and the names of records.
  assert.ok(moments.length >= 5 * 4, `${moments.length} flushes`);
  const random = randomNumbers(SEED);
  for (let cut = 0; cut < CUTS; cut++) {
    // A moment between two flushes: most writes come in few of these.
    const which = Math.floor(random() * moments.length);
    const [from, to] = [moments[which] ?? 0, moments[which + 1] ?? all];
    const at = from + Math.floor(random() * (to - from));
    const share = random();
    await t.test(
      `fault: the power is cut while it builds, ${cut}: after ${at} of ${all} entries of the log`,
      async () => {
        const file = path.join(scratch, `cut-${cut}`);
        disk.cutAfter(at, file, () => random() < share);
        assert.equal(checkAfterReplay(file), '');
        using _mounted = new CutDisk(file, project.directory);
        assert.deepEqual(damages(project.path('.vlb/store')), []);
        const built = await project.build();
        assert.equal(built.status, 0, built.told);
        // What was built and flushed long before is not lost.
        if (at > before) assert.match(built.outcomes, /^10_base (fresh|restored), /);
        const image = project.path('build/image.qcow2');
        execFileSync('qemu-img', ['check', '-q', image]);
        const version = readFileSync(project.path('layers/20_app/version'), 'utf8');
        assert.equal(readFromImage(image, scratch, '/never'), version);
        assert.match((await project.build()).outcomes, /^(\d+_\w+ fresh(, )?){4}$/);
        assert.deepEqual(damages(project.path('.vlb/store')), []);
      },
    );
  }
});

test('without its flushes a power cut would damage the store, and the check above finds it', async () => {
  await using project = new TestProject({});
  const scratch = path.dirname(project.directory);
  using disk = new LoggedDisk(project.directory, scratch);
  project.write(FILES);
  const begun = disk.sync();
  const built = new Built(
    await run('eatmydata', [VLB, 'build', '--progress', 'json'], { cwd: project.directory }),
  );
  assert.equal(built.status, 0, built.told);
  await sleep(2500); // the file system's own journal tells of the names by then, and nobody asked for the content
  const moments = flushes(disk, begun);
  disk.end();
  const found = new Set<string>();
  for (const moment of moments) {
    const file = path.join(scratch, `cut-${moment}`);
    disk.cutAfter(moment, file, () => false);
    using _mounted = new CutDisk(file, project.directory);
    for (const damage of damages(project.path('.vlb/store'))) found.add(damage);
  }
  assert.notDeepEqual([...found], []);
});
