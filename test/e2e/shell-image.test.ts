// vlb shell in an image file: nothing is kept, or all of it with --write.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { leftovers } from '../rig/host-state.ts';
import { run, TestProject, VLB } from '../rig/project.ts';
import { runAsRoot } from '../rig/root.ts';
import { tinyDisk } from '../rig/tiny.ts';

let project: TestProject;
/** A directory without a project. */
let elsewhere: string;

before(async () => {
  project = new TestProject({ 'layers/10_base/modify-disk': tinyDisk() });
  assert.equal((await project.build()).status, 0);
  elsewhere = project.path('../elsewhere');
  mkdirSync(elsewhere);
});
after(async () => project?.[Symbol.asyncDispose]());

const digest = (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex');
const shell = (...words: readonly string[]) => run(VLB, ['shell', ...words], { cwd: elsewhere });

for (const format of ['qcow2', 'raw', 'vmdk'] as const) {
  const isRead = format !== 'vmdk';
  test(`${format}: ${isRead ? 'read, and written only with --write' : 'is refused, with what to do'}`, async () => {
    const image = path.join(elsewhere, `disk.${format}`);
    execFileSync('qemu-img', ['convert', '-O', format, project.path('build/10_base.qcow2'), image]);
    const before = digest(image);
    const discarded = await shell(image, '--', 'sh', '-c', 'echo x > /etc/new; cat /etc/os-release; exit 4');
    assert.equal(digest(image), before);
    if (!isRead) {
      assert.match(discarded.stderr, /cannot be opened: it is a VMDK[\s\S]*qemu-img convert/);
      return;
    }
    assert.deepEqual([discarded.status, discarded.stdout], [4, 'ID=tiny\n'], discarded.stderr);
    const written = await shell('--write', image, '--', 'sh', '-c', 'echo x > /etc/new');
    assert.equal(written.status, 0, written.stderr);
    assert.notEqual(digest(image), before);
    assert.equal((await shell(image, '--', 'cat', '/etc/new')).stdout, 'x\n');
    assert.deepEqual(
      readdirSync(elsewhere).filter((name) => !name.startsWith('disk.')),
      [],
      'no project is begun',
    );
  });
}

describe('what is refused', () => {
  for (const [what, word, message] of [
    ['an artifact', 'build/10_base.qcow2', /made by vlb/],
    ['a layer', '10_base', /image not found/],
    ['nothing', './none.qcow2', /image not found/],
  ] as const) {
    test(`--write on ${what}`, async () => {
      const ended = await project.vlb(['shell', '--write', word, '--', 'true']);
      assert.equal(ended.status, 2);
      assert.match(ended.stderr, message);
    });
  }

  test('--write while another shell writes, or on an attached image', async () => {
    const image = path.join(elsewhere, 'busy.raw');
    execFileSync('qemu-img', ['convert', '-O', 'raw', project.path('build/10_base.qcow2'), image]);
    writeFileSync(`${image}.changes.qcow2`, '');
    const second = await shell('--write', image, '--', 'true');
    assert.equal(second.status, 2);
    assert.match(second.stderr, /another shell is changing this image[\s\S]*busy\.raw\.changes\.qcow2/);
    rmSync(`${image}.changes.qcow2`);
    const device = runAsRoot('losetup', '--find', '--show', image).trim();
    try {
      const attached = await shell('--write', image, '--', 'true');
      assert.equal(attached.status, 3);
      assert.match(attached.stderr, new RegExp(`attached as ${device}`));
    } finally {
      runAsRoot('losetup', '--detach', device);
    }
    rmSync(image);
  });

  test('a failed command in an interrupted shell leaves the image as it was', async () => {
    const image = path.join(elsewhere, 'interrupted.raw');
    execFileSync('qemu-img', ['convert', '-O', 'raw', project.path('build/10_base.qcow2'), image]);
    const before = digest(image);
    const ended = await run(
      VLB,
      ['shell', '--write', image, '--', 'sh', '-c', 'echo x > /new; echo here; sleep 60'],
      {
        cwd: elsewhere,
        onStdout: (text, kill) => text.includes('here') && kill('SIGTERM'),
      },
    );
    assert.equal(ended.status, 143, ended.stderr);
    assert.equal(digest(image), before);
    assert.deepEqual(leftovers(project), []);
    assert.ok(!existsSync(`${image}.changes.qcow2`));
  });
});
