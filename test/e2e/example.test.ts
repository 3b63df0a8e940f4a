// What a new user does: a fresh copy of this repository, the README's first command, an edit, the project moved, a boot.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { appendFileSync, cpSync, existsSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { checkFileSystem } from '../rig/host-state.ts';
import { Built, REPOSITORY, run } from '../rig/project.ts';

const above = mkdtempSync(path.join(tmpdir(), 'vlb-example-'));
let clone = path.join(above, 'vlb');
after(() => rmSync(above, { recursive: true, force: true }));

test('bin/quickstart in a fresh copy ends with the guest up and its service answering', async () => {
  copyRepository();
  const ended = await run('bin/quickstart', [], { cwd: clone });
  assert.equal(ended.status, 0, ended.stdout.slice(-2000) + ended.stderr.slice(-4000));
  assert.match(ended.stdout, /It works: built by vlb/);
  assert.match(ended.stderr, /2 built, 0 restored, 0 fresh/);
});

test('the second build is fresh, an edit runs one script, and putting it back none', async () => {
  assert.equal((await build()).outcomes, '10_base fresh, 20_app fresh');
  const page = path.join(clone, 'layers/20_app/index.html');
  const before = execFileSync('cat', [page], { encoding: 'utf8' });
  appendFileSync(page, 'x');
  assert.equal((await build()).outcomes, '10_base fresh, 20_app built');
  execFileSync('tee', [page], { input: before, stdio: ['pipe', 'ignore', 'inherit'] });
  const back = await build();
  assert.equal(back.outcomes, '10_base fresh, 20_app restored', back.told);
  rmSync(path.join(clone, 'build'), { recursive: true });
  assert.equal((await build()).outcomes, '10_base restored, 20_app restored');
});

test('each layer has a clean file system', () => {
  for (const layer of ['10_base', '20_app']) {
    assert.equal(
      checkFileSystem(path.join(clone, 'build', `${layer}.qcow2`), above, 102 * 2 ** 20),
      '',
      layer,
    );
  }
});

test('moved elsewhere as a whole, its image is whole and boots to a login prompt', async () => {
  const moved = path.join(above, 'moved', 'here');
  execFileSync('mkdir', ['-p', path.dirname(moved)]);
  renameSync(clone, moved);
  clone = moved;
  const image = path.join(clone, 'build/image.qcow2');
  execFileSync('qemu-img', ['check', '-q', image]);
  const before = execFileSync('sha256sum', [image], { encoding: 'utf8' });
  const ended = await run('bin/vlb', ['test-boot', '--check'], { cwd: clone });
  assert.equal(ended.status, 0, ended.stderr.slice(-4000));
  assert.match(ended.stderr, /login:/);
  assert.equal(
    execFileSync('sha256sum', [image], { encoding: 'utf8' }),
    before,
    'nothing was written to the image',
  );
});

async function build(): Promise<Built> {
  return new Built(await run('bin/vlb', ['build', '--progress', 'json'], { cwd: clone }));
}

/** What a clone would have, with what is being edited: the files that git knows or would add. */
function copyRepository(): void {
  const names = execFileSync('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
    cwd: REPOSITORY,
    encoding: 'utf8',
  });
  for (const name of names.split('\0').filter(Boolean)) {
    const from = path.join(REPOSITORY, name);
    if (existsSync(from)) cpSync(from, path.join(clone, name), { recursive: true, verbatimSymlinks: true });
  }
}
