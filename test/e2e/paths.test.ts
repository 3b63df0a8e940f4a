// Paths as users have them: through symbolic links, on another file system, and with any character in them.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { leftovers } from '../rig/host-state.ts';
import { run, TestProject, VLB } from '../rig/project.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

const FILES = {
  'layers/10_base/modify-disk': tinyDisk(),
  'layers/20_app/build-layer': buildLayer(
    'test -e /opt/base/bin/sh; mv /etc/hosts /etc/kept; echo app > /app',
    '# vlb: mount base /opt/base\n# vlb: hostname web',
  ),
};

/** A blank before a digit: the kernel has octal digits for the blank. */
const AWKWARD = 'a 1\t7\n2,,b:"\'\\040#%s$(id)*';

test('the project, its layers, .vlb and build/ are reached through symbolic links', async () => {
  await using project = new TestProject(FILES);
  const above = path.dirname(project.directory);
  const elsewhere = mkdtempSync('/dev/shm/vlb-test-');
  try {
    symlinkSync(elsewhere, project.path('.vlb'));
    mkdirSync(path.join(above, 'out'));
    symlinkSync('../out', project.path('build'));
    renameSync(project.path('layers'), path.join(above, 'parts'));
    symlinkSync('../parts', project.path('layers'));
    renameSync(path.join(above, 'parts/20_app'), path.join(above, 'app'));
    symlinkSync('../app', path.join(above, 'parts/20_app'));
    symlinkSync('project', path.join(above, 'link'));
    const vlb = (...args: readonly string[]) => run(VLB, args, { cwd: above });
    const built = await vlb('-C', 'link', 'build');
    assert.equal(built.status, 0, built.stderr);
    execFileSync('qemu-img', ['check', '-q', project.path('build/image.qcow2')]);
    assert.equal((await project.build()).outcomes, '10_base fresh, 20_app fresh');
    assert.equal((await vlb('-C', 'link', 'build', '--force')).status, 0);
    // As the kernel understands it, and not by the letters of the path.
    assert.equal(
      (await vlb('-C', 'link/layers/../link', 'plan')).stdout,
      'fresh   10_base\nfresh   20_app\n',
    );
    assert.deepEqual(readdirSync(path.join(elsewhere, 'runs')), []);
  } finally {
    rmSync(elsewhere, { recursive: true });
  }
});

test('a project and a store whose paths have any character', async () => {
  await using project = new TestProject(FILES);
  const odd = path.join(path.dirname(project.directory), AWKWARD);
  cpSync(project.directory, odd, { recursive: true });
  const vlb = (...args: readonly string[]) => run(VLB, args, { cwd: odd, env: { TMPDIR: odd } });
  for (const args of [
    ['build'],
    ['build', '--force=app', '--flatten'],
    ['diff', '10_base', '20_app'],
    ['build', '--cache-dir', 'json:{a 1,\n}'],
  ]) {
    const done = await vlb(...args);
    assert.equal(done.status, 0, done.stderr);
  }
  // Two image files without a project: in the temporary directory.
  const images = ['10_base', '20_app'].map((name) => path.join(odd, `build/${name}.qcow2`));
  const compared = await run(VLB, ['diff', ...images], { cwd: '/', env: { TMPDIR: odd } });
  assert.match(compared.stdout, /added +4 B +\/app/);
  assert.doesNotMatch(
    compared.stdout,
    /kept/,
    'what vlb lent for the host name, wherever the script moved it',
  );
  assert.deepEqual(readdirSync(path.join(odd, '.vlb/runs')), []);
  assert.deepEqual(leftovers(project), []);
});

test('a link to nothing, a file in place of a directory, and a path that is not UTF-8 are named', async () => {
  await using project = new TestProject(FILES);
  const expect = async (pattern: RegExp, status = 3, env = {}) => {
    const ended = await project.vlb(['build'], { env });
    assert.match(ended.stderr, pattern);
    assert.equal(ended.status, status);
  };
  for (const name of ['.vlb', 'build']) {
    symlinkSync('../gone', project.path(name));
    await expect(
      /error: the symbolic link \S+ leads to nothing: \.\.\/gone\n.*\n +help: create the directory \/\S+\/gone,/,
    );
    rmSync(project.path(name));
    project.write({ [name]: '' });
    await expect(/error: \S+ is not a directory\n/);
    rmSync(project.path(name));
  }
  symlinkSync('.vlb', project.path('.vlb'));
  await expect(/error: the symbolic link \.vlb leads to nothing: \.vlb\n/);
  rmSync(project.path('.vlb'));
  symlinkSync('loop', project.path('loop'));
  const looped = await project.vlb(['-C', 'loop', 'plan']);
  assert.match(looped.stderr, /error: no such directory\n/);
  assert.equal(looped.status, 2);
  renameSync(project.path('layers'), project.path('parts'));
  symlinkSync('nothing', project.path('layers'));
  await expect(/error: the symbolic link layers leads to nothing: nothing\n/, 2);
  rmSync(project.path('layers'));
  renameSync(project.path('parts'), project.path('layers'));
  const script = `mkdir "$1"; cd "$1" && cp -r ../project/layers . && {
    "$2" plan || echo $?
    "$2" plan "-C$PWD" || echo $?
    VLB_CACHE_DIR=$PWD/s; export VLB_CACHE_DIR
    cd ../project && "$2" plan || echo $?
  }`;
  const ended = await run('bash', ['-c', `set -- "$(printf 'p\\377')" "$1"; ${script}`, 'sh', VLB], {
    cwd: path.dirname(project.directory),
  });
  assert.equal(ended.stdout, '2\n2\n2\n', ended.stderr);
  assert.equal(
    ended.stderr.split('\n').filter((line) => line.startsWith('error:') && / UTF-8$/.test(line)).length,
    3,
    ended.stderr,
  );
  assert.match(
    ended.stderr,
    /error: the path of the project is not valid UTF-8\n[\s\S]*error: the path of the store is not valid UTF-8\n/,
  );
  assert.equal(existsSync(project.path('.vlb/store')), false);
});
