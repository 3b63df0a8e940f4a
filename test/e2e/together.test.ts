// Two vlb at the same time, on one project and on one store.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { leftovers } from '../rig/host-state.ts';
import { Built, run, TestProject, VLB } from '../rig/project.ts';
import { asRoot } from '../rig/root.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

const FILES = {
  'layers/10_base/modify-disk': tinyDisk(),
  // Never the same bytes twice.
  'layers/20_random/build-layer': buildLayer(
    'dd if=/dev/urandom of=/random bs=1k count=64 2>/dev/null; sleep 1',
  ),
  'layers/30_end/build-layer': buildLayer('cat /random > /copy'),
};

/** Each layer was built by one of the two, and the other waited for it and took it. */
function assertBuiltOnce(...outcomes: readonly string[]): void {
  for (const layer of ['10_base', '20_random', '30_end']) {
    const own = outcomes.map((text) => text.split(', ').find((entry) => entry.startsWith(layer)) ?? '');
    assert.equal(own.filter((entry) => entry.endsWith(' built')).length, 1, outcomes.join(' | '));
    assert.equal(own.filter((entry) => /(restored|fresh)$/.test(entry)).length, 1, outcomes.join(' | '));
  }
}

test('two builds of one project build nothing twice', async () => {
  await using project = new TestProject(FILES);
  const [one, two] = await Promise.all([project.build(), project.build()]);
  assert.deepEqual([one.status, two.status], [0, 0], one.told + two.told);
  assertBuiltOnce(one.outcomes, two.outcomes);
  const names = readdirSync(project.path('.vlb/store/sha256'));
  assert.equal(names.length, 3, names.join());
  assert.deepEqual(readdirSync(project.path('.vlb/store/locks')), []);
  assert.deepEqual(leftovers(project), []);
  assert.match((await project.build()).outcomes, /^(\d+_\w+ fresh(, )?){3}$/);
});

test('two projects with one store build nothing twice', async () => {
  await using one = new TestProject(FILES);
  await using two = new TestProject(FILES);
  const store = one.path('store');
  const [first, second] = await Promise.all([
    one.build(['--cache-dir', store]),
    two.build(['--cache-dir', store]),
  ]);
  assert.deepEqual([first.status, second.status], [0, 0], first.told + second.told);
  assertBuiltOnce(first.outcomes, second.outcomes);
});

test('fault: two builds in two PID namespaces, as of two containers, use one store at the same time', async () => {
  await using one = new TestProject(FILES);
  await using two = new TestProject(FILES);
  const store = ['--cache-dir', one.path('store')];
  let second: Promise<Built> | undefined;
  const first = await one.build(store, {
    onStdout: (text) => {
      // By then it holds locks, leases and a draft, of which the other cannot see the owner.
      if (text.includes('"stage":"run"') && text.includes('20_random')) second ??= inPidNamespace(two, store);
    },
  });
  const other = await second;
  assert.ok(other);
  assert.deepEqual([first.status, other.status], [0, 0], first.told + other.told);
  assertBuiltOnce(first.outcomes, other.outcomes);
  assert.match(
    other.told,
    /waiting for process \d+ of another PID namespace \(a container\), which is building/,
  );
});

/** Builds a project in a PID namespace of its own. */
async function inPidNamespace(project: TestProject, args: readonly string[]): Promise<Built> {
  const build = [VLB, 'build', '--progress', 'json', ...args];
  const [command, all] = asRoot('unshare', ['--pid', '--fork', '--mount-proc', ...build]);
  return new Built(await run(command, all, { cwd: project.directory }));
}

test('one that is killed while the other waits leaves the work to it', async () => {
  await using project = new TestProject(FILES);
  const dying = project.build([], {
    onStdout: (text, kill) => {
      if (text.includes('"stage":"run"') && text.includes('20_random'))
        setTimeout(() => kill('SIGKILL'), 300);
    },
  });
  const heir = await project.build();
  assert.equal((await dying).status === null || heir.status === 0, true);
  assert.equal(heir.status, 0, heir.told);
  assert.match((await project.build()).outcomes, /^(\d+_\w+ fresh(, )?){3}$/);
  assert.deepEqual(leftovers(project), []);
});

test('what a nocache layer made stays while another build in the project stands on it', async () => {
  const nocache = (text: string) => buildLayer(`echo ${text} > /n`, '# nocache');
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_n/build-layer': nocache('one'),
    'layers/30_v/build-layer': buildLayer('sleep 2; cat /n'),
  });
  let other: Promise<unknown> | undefined;
  const first = await project.build([], {
    onStdout: (text) => {
      if (other || !(text.includes('"layer":"30_v"') && text.includes('"stage":"run"'))) return;
      project.write({ 'layers/20_n/build-layer': nocache('two') });
      other = project.build(['--last', '20_n']);
    },
  });
  assert.equal(first.status, 0, first.told);
  await other;
  execFileSync('qemu-img', ['check', '-q', project.path('build/30_v.qcow2')]);
  execFileSync('qemu-img', ['check', '-q', project.path('build/image.qcow2')]);
});
