// Disks that are full, stores that may not be written, directories that go away under a build: it fails and says so, nothing
// is left, what was built before is still there, and once the cause is gone the next build is right.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readlinkSync, renameSync, rmSync, statfsSync, statSync } from 'node:fs';
import path from 'node:path';
import { type TestContext, test } from 'node:test';
import { checkFileSystem, leftovers, readFromImage, untilClean } from '../rig/host-state.ts';
import { type Built, TestProject } from '../rig/project.ts';
import { runAsRoot } from '../rig/root.ts';
import { SmallPlace } from '../rig/small.ts';
import { damages } from '../rig/store-truth.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

const BASE = { 'layers/10_base/modify-disk': tinyDisk({ size: '128M' }) };

/** What fills whatever is below the layer's disk, since it cannot be made smaller. */
const FILL = 'dd if=/dev/urandom of=/random bs=1M count=80';

function assertFull(built: Built, place: string): void {
  assert.equal(built.status, 3, built.told);
  const { failure } = built.finished ?? {};
  assert.match(failure?.message ?? '', /no space left/, built.told);
  assert.ok(failure?.where?.file.startsWith(place), built.told);
  assert.match(failure?.hint ?? '', /make room/);
}

/** Builds, and checks that 20_app is as it should be. */
async function buildsRight(project: TestProject, content: string, args: readonly string[] = []) {
  const built = await project.build(args);
  assert.equal(built.status, 0, built.told);
  await untilClean(project);
  const [image, scratch] = [project.path('build/20_app.qcow2'), path.dirname(project.directory)];
  execFileSync('qemu-img', ['check', '-q', image]);
  assert.equal(checkFileSystem(image, scratch), '');
  assert.equal(readFromImage(image, scratch, '/made'), `${content}\n`);
  return built;
}

const app = (commands: string) => ({ 'layers/20_app/build-layer': buildLayer(commands) });

test('fault: the store is full while a layer runs', async () => {
  await using project = new TestProject({ ...BASE, ...app(`echo one > /made; ${FILL}`) });
  using small = new SmallPlace(path.join(path.dirname(project.directory), 'small'), '48M');
  const store = ['--cache-dir', small.directory];
  assertFull(await project.build(store), small.directory);
  await untilClean(project);
  assert.deepEqual(readdirSync(small.directory).sort(), [
    'keys',
    'leases',
    'locks',
    'projects',
    'sha256',
    'version',
  ]);
  assert.deepEqual(readdirSync(path.join(small.directory, 'leases')), []);
  assert.deepEqual(readdirSync(path.join(small.directory, 'locks')), []);
  assert.deepEqual(
    readdirSync(path.join(small.directory, 'sha256')).filter((name) => name.startsWith('.')),
    [],
  );
  assert.deepEqual(damages(small.directory), []);
  small.resize('400M');
  const next = await buildsRight(project, 'one', store);
  assert.equal(next.outcomes, '10_base fresh, 20_app built', next.told);
});

test('fault: the store is full to the last byte before anything begins', async () => {
  await using project = new TestProject({ ...BASE, ...app('echo one > /made') });
  using small = new SmallPlace(path.join(path.dirname(project.directory), 'small'), '100M');
  const store = ['--cache-dir', small.directory];
  assert.equal((await project.build(store)).status, 0);
  project.write(app('echo two > /made'));
  runAsRoot('sh', '-c', 'dd if=/dev/zero of="$1/filler" 2>/dev/null || true', 'sh', small.directory);
  const built = await project.build(store);
  assert.equal(built.status, 3, built.told);
  assert.match(JSON.stringify(built.finished?.failure), /no space left|ENOSPC/);
  await untilClean(project);
  // What needs no room goes on: all is in place, and it is right.
  project.write(app('echo one > /made'));
  assert.equal((await project.build(store)).outcomes, '10_base fresh, 20_app fresh');
  assert.deepEqual(damages(small.directory), []);
  project.write(app('echo two > /made'));
  runAsRoot('rm', path.join(small.directory, 'filler'));
  await buildsRight(project, 'two', store);
  assert.deepEqual(readdirSync(path.join(small.directory, 'locks')), []);
});

test("the project's own disk is full", async (t: TestContext) => {
  await using project = new TestProject({ ...BASE, ...app('echo one > /made') });
  const store = ['--cache-dir', path.join(path.dirname(project.directory), 'store')];
  using small = new SmallPlace(project.path('.vlb'), '40M');
  assert.equal((await project.build(store)).status, 0);

  await t.test("fault: the project's disk is full by the copy of the inputs", async () => {
    project.write({ ...app('echo two > /made'), 'layers/20_app/large': '' });
    execFileSync(
      'dd',
      ['if=/dev/urandom', `of=${project.path('layers/20_app/large')}`, 'bs=1M', 'count=60'],
      {
        stdio: 'pipe',
      },
    );
    assertFull(await project.build(store), small.directory);
    await untilClean(project);
    rmSync(project.path('layers/20_app/large'));
    await buildsRight(project, 'two', store);
  });

  await t.test("fault: the project's disk is full by the log", async () => {
    const prints = 'for line in $(seq 400); do printf "%65536s\\n" x; done';
    project.write(app(`echo three > /made; ${prints}`));
    const { bavail, bsize } = statfsSync(small.directory);
    small.fill('filler', bavail * bsize - 4 * 1024 ** 2);
    const built = await project.build(store);
    assertFull(built, small.directory);
    await untilClean(project);
    project.write(app('echo three > /made'));
    runAsRoot('rm', path.join(small.directory, 'filler'));
    await buildsRight(project, 'three', store);
  });

  await t.test("fault: the project's disk is full by what a modify-disk puts into its TMPDIR", async () => {
    const fill = '# vlb: disk-size 128M\nset -eu\nhead -c 60M /dev/zero > "$TMPDIR/large"\n';
    project.write({ 'layers/30_end/modify-disk': `#!/bin/sh\n${fill}` });
    assertFull(await project.build(store), small.directory);
    await untilClean(project);
    rmSync(project.path('layers/30_end'), { recursive: true });
    await buildsRight(project, 'three', store);
  });

  await t.test("fault: the project's disk is full to the last byte", async () => {
    project.write(app('echo four > /made'));
    runAsRoot('sh', '-c', 'dd if=/dev/zero of="$1/filler" 2>/dev/null || true', 'sh', small.directory);
    const built = await project.build(store);
    assert.equal(built.status, 3, built.told);
    await untilClean(project);
    runAsRoot('rm', path.join(small.directory, 'filler'));
    await buildsRight(project, 'four', store);
  });
  assert.deepEqual(damages(store[1] ?? ''), []);
});

test("fault: the layer's own disk is full", async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk({ size: '16M' }),
    ...app('echo one > /made; dd if=/dev/urandom of=/random bs=1M count=40'),
  });
  const built = await project.build();
  assert.equal(built.status, 1, built.told);
  assert.match(built.output, /No space left on device/);
  assert.equal(built.finished?.failure?.look, 'vlb shell --failed 20_app', 'a person can look at it');
  await untilClean(project);
  project.write(app('echo one > /made'));
  await buildsRight(project, 'one');
});

test('fault: the disk is full where a flat image goes', async () => {
  await using project = new TestProject({ ...BASE, ...app('echo one > /made') });
  using small = new SmallPlace(project.path('build'), '12M');
  assert.equal((await project.build(['--flatten'])).status, 0);
  const flat = statSync(project.path('build/image.qcow2'));
  project.write(app(`echo two > /made; ${FILL.replace('80', '20')}`));
  const built = await project.build(['--flatten']);
  assert.equal(built.status, 3, built.told);
  assert.equal(statSync(project.path('build/image.qcow2')).ino, flat.ino, 'the earlier one is still there');
  assert.deepEqual(leftovers(project), []);
  small.resize('200M');
  assert.equal((await project.build(['--flatten'])).outcomes, '10_base fresh, 20_app fresh');
  const scratch = path.dirname(project.directory);
  assert.equal(readFromImage(project.path('build/image.qcow2'), scratch, '/made'), 'two\n');
});

test('fault: the store may only be read', async () => {
  await using project = new TestProject({ ...BASE, ...app('echo one > /made') });
  const store = path.join(path.dirname(project.directory), 'store');
  const args = ['--cache-dir', store];
  assert.equal((await project.build(args)).status, 0);
  const readOnly = async (work: () => Promise<void>) => {
    runAsRoot('mount', '--bind', '-o', 'ro', store, store);
    try {
      await work();
    } finally {
      runAsRoot('umount', '--lazy', store);
    }
  };
  await readOnly(async () => {
    assert.equal((await project.build(args)).outcomes, '10_base fresh, 20_app fresh');
    rmSync(project.path('build'), { recursive: true });
    assert.equal((await project.build(args)).outcomes, '10_base restored, 20_app restored');
    project.write(app('echo two > /made'));
    const built = await project.build(args);
    assert.equal(built.status, 3, built.told);
    assert.match(built.finished?.failure?.message ?? '', /cannot write to the store: EROFS/);
    assert.match(built.finished?.failure?.hint ?? '', /--cache-dir/);
    await untilClean(project);
  });
  await buildsRight(project, 'two', args);
  // An entry that was written to is not used, though nobody can move it aside.
  const file = readlinkSync(project.path('build/20_app.qcow2'));
  runAsRoot('chmod', '0644', file);
  execFileSync('qemu-io', ['-f', 'qcow2', '-c', 'write -P 7 4M 64k', file], { stdio: 'pipe' });
  await readOnly(async () => {
    const built = await project.build(args);
    assert.equal(built.status, 3, built.told);
  });
  await buildsRight(project, 'two', args);
});

for (const [what, name] of [
  ['the store', 'store'],
  ['the directory of all that vlb keeps', 'project/.vlb'],
  ['build/', 'project/build'],
] as const) {
  for (const [how, remove] of [
    ['removed', (directory: string) => void runAsRoot('rm', '-rf', directory)],
    ['moved away', (directory: string) => renameSync(directory, `${directory}.moved`)],
  ] as const) {
    test(`fault: ${what} is ${how} during a build`, async () => {
      await using project = new TestProject({
        ...BASE,
        ...app('echo one > /made; echo now; sleep 1'),
        'layers/30_end/build-layer': buildLayer('cat /made > /end'),
      });
      const above = path.dirname(project.directory);
      const args = ['--cache-dir', path.join(above, 'store')];
      assert.equal((await project.build([...args, 'base'])).status, 0);
      let done = false;
      const built = await project.build(args, {
        onStdout: (text) => {
          if (done || !text.includes('"line":"now"')) return;
          done = true;
          runAsRoot('chmod', '-R', 'u+w', path.join(above, name));
          remove(path.join(above, name));
        },
      });
      assert.ok(done);
      if (name !== 'project/build') assert.equal(built.status, 3, built.told);
      else assert.equal(built.status, 0, built.told);
      // The run that lost its directory has ended with its processes.
      await untilClean(project, (found) => found.startsWith('the '));
      await buildsRight(project, 'one', args);
      assert.equal(readFromImage(project.path('build/image.qcow2'), above, '/end'), 'one\n');
      assert.deepEqual(damages(path.join(above, 'store')), []);
    });
  }
}
