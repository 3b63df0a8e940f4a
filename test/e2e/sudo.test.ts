// Root in another user's project, as under sudo: that user can use and remove everything afterwards.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { TestProject } from '../rig/project.ts';
import { isRoot, runAsRoot } from '../rig/root.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

const skip = isRoot ? false : 'needs root';

const FILES = {
  'layers/10_base/modify-disk': tinyDisk(),
  'layers/20_app/build-layer': buildLayer(
    'echo kept > /var/kept/file; touch /app',
    '# vlb: cache-dir /var/kept',
  ),
};

/** What belongs to root below a directory, apart from the contents of cache directories. */
function rootsFiles(directory: string): string {
  const caches = ['-path', '*/store/caches', '-prune', '-o'];
  return execFileSync('find', [directory, ...caches, '-user', '0', '-print'], { encoding: 'utf8' });
}

test('a build, also one that fails, a new layer and a new project', { skip }, async () => {
  await using project = new TestProject(FILES);
  runAsRoot('chown', '-R', 'nobody:nogroup', project.directory);
  const built = await project.build();
  assert.equal(built.outcomes, '10_base built, 20_app built');
  assert.equal(rootsFiles(project.directory), '');
  const added = await project.vlb(['new-layer', 'more']);
  assert.equal(added.status, 0, added.stderr);
  project.write({ 'layers/30_fails/build-layer': buildLayer('exit 7') });
  runAsRoot('chown', '-R', 'nobody:nogroup', project.path('layers/30_fails'));
  assert.equal((await project.build()).status, 1);
  const begun = await project.vlb(['init', 'another']);
  assert.equal(begun.status, 0, begun.stderr);
  assert.equal(rootsFiles(project.directory), '');
});

test("a store of root's stays root's", { skip }, async () => {
  await using project = new TestProject(FILES);
  const store = project.path('../store');
  mkdirSync(store);
  runAsRoot('chown', '-R', 'nobody:nogroup', project.directory);
  const built = await project.build(['--cache-dir', store]);
  assert.equal(built.status, 0, built.ended.stderr);
  assert.equal(rootsFiles(project.directory), '');
  const others = execFileSync('find', [store, '!', '-user', '0'], { encoding: 'utf8' });
  assert.equal(others, '');
});

test("what vlb did not make stays root's: files beside its own, and what links lead to", {
  skip,
}, async () => {
  await using project = new TestProject({ ...FILES, 'vlb.yaml': '' });
  const [store, other] = [project.path('../store'), project.path('../other')];
  for (const directory of [store, other]) mkdirSync(directory);
  runAsRoot('chown', '-R', 'nobody:nogroup', project.directory, store);
  const kept = [`${store}/own`, `${other}/shadow`, project.path('layers/notes')];
  for (const file of kept) writeFileSync(file, '');
  symlinkSync(other, project.path('.vlb'));
  assert.equal((await project.vlb(['ls', '--cache-dir', store])).status, 0);
  assert.equal((await project.vlb(['init', '.'])).status, 2);
  for (const file of kept) assert.equal(statSync(file).uid, 0, file);
});

test("the inputs of a layer that runs stay root's", { skip }, async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_app/build-layer': buildLayer('echo ready; sleep 2; stat -c %u /mnt/data'),
    'layers/20_app/data': '',
  });
  runAsRoot('chown', '-R', 'nobody:nogroup', project.directory);
  let other: Promise<unknown> | undefined;
  const built = await project.build([], {
    onStdout: (text) => {
      if (text.includes('"ready"')) other ??= project.vlb(['ls']);
    },
  });
  await other;
  assert.match(built.output, /^0$/m);
});
