// vlb shell in an image file: nothing is kept, or all of it with --write.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
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

/** Makes an image of the disk. */
function convert(name: string, format: string, ...options: readonly string[]): string {
  const image = path.join(elsewhere, name);
  execFileSync('qemu-img', ['convert', '-O', format, ...options, project.path('build/10_base.qcow2'), image]);
  return image;
}

for (const [format, ...options] of [
  ['qcow2'],
  ['qcow2', '-c'],
  ['raw'],
  ['vmdk'],
  ['vdi'],
  ['vhdx'],
  ['vpc'],
  ['vpc', '-o', 'subformat=fixed,force_size=on'],
  ['qed'],
] as const) {
  test(`${[format, ...options].join(' ')}: read, and written only with --write`, async () => {
    const image = convert('disk', format, ...options);
    const before = digest(image);
    const discarded = await shell(image, '--', 'sh', '-c', 'echo x > /etc/new; cat /etc/os-release; exit 4');
    assert.equal(digest(image), before);
    assert.deepEqual([discarded.status, discarded.stdout], [4, 'ID=tiny\n'], discarded.stderr);
    const written = await shell('--write', image, '--', 'sh', '-c', 'echo x > /etc/new');
    assert.equal(written.status, 0, written.stderr);
    assert.notEqual(digest(image), before);
    // Checked, and still of its format.
    execFileSync('qemu-img', ['convert', '-f', format, '-O', 'qcow2', image, path.join(elsewhere, 'copy')]);
    assert.equal((await shell(path.join(elsewhere, 'copy'), '--', 'cat', '/etc/new')).stdout, 'x\n');
    for (const name of ['disk', 'copy']) rmSync(path.join(elsewhere, name));
    assert.deepEqual(readdirSync(elsewhere), [], 'no project is begun');
  });
}

test('an image that QEMU only reads is written in a copy', async () => {
  const image = convert('stream.vmdk', 'vmdk', '-o', 'subformat=streamOptimized');
  assert.equal((await shell(image, '--', 'cat', '/etc/os-release')).stdout, 'ID=tiny\n');
  const refused = await shell('--write', image, '--', 'true');
  assert.equal(refused.status, 2);
  const [, command = ''] = /change a copy: (qemu-img .*);/.exec(refused.stderr) ?? [];
  execFileSync('sh', ['-c', command], { cwd: elsewhere });
  const copy = path.join(elsewhere, 'copy.qcow2');
  assert.equal((await shell('--write', copy, '--', 'true')).status, 0);
  for (const file of [image, copy]) rmSync(file);
});

describe('what is refused', () => {
  for (const [what, word, message] of [
    ['an artifact', 'build/10_base.qcow2', /made by vlb/],
    ['an export', 'build/export/x/vmdk/x.qcow2', /made by vlb/],
    ['a layer', '10_base', /image not found/],
    ['nothing', './none.qcow2', /image not found/],
  ] as const) {
    test(`--write on ${what}`, async () => {
      project.write({ 'build/export/x/vmdk/x.qcow2': 'a disk' });
      const ended = await project.vlb(['shell', '--write', word, '--', 'true']);
      assert.equal(ended.status, 2);
      assert.match(ended.stderr, message);
    });
  }

  test('an image that is packed, with the command that unpacks it', async () => {
    execFileSync('xz', ['-0k', convert('packed disk', 'qcow2')]);
    rmSync(path.join(elsewhere, 'packed disk'));
    const ended = await shell('packed disk.xz', '--', 'true');
    assert.equal(ended.status, 2);
    const [, command = ''] = /unpack it first: (.*)/.exec(ended.stderr) ?? [];
    execFileSync('sh', ['-c', command]);
    assert.equal((await shell('packed disk', '--', 'true')).status, 0, ended.stderr);
    for (const name of ['packed disk', 'packed disk.xz']) rmSync(path.join(elsewhere, name));
  });

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

  test('an image that cannot be looked at: behind a loop of links, as in a directory of somebody else', async () => {
    symlinkSync('loop', path.join(elsewhere, 'loop'));
    const ended = await shell('loop/disk.qcow2', '--', 'true');
    rmSync(path.join(elsewhere, 'loop'));
    assert.equal(ended.status, 3);
    assert.match(ended.stderr, /^error: .*cannot read the image/m);
    assert.doesNotMatch(ended.stderr, /internal error|no layer/);
  });

  test('changes that cannot be written stay beside the image, and can be written later', async () => {
    const image = convert('full disk.raw', 'raw');
    const before = digest(image);
    const changes = `${image}.changes.qcow2`;
    const words = ['shell', '--write', image, '--', 'sh', '-c', 'echo x > /etc/new; echo here; sleep 2'];
    let isSealed = false;
    const failed = await run(VLB, words, {
      cwd: elsewhere,
      onStdout: (text) => {
        if (isSealed || !text.includes('here')) return;
        runAsRoot('chattr', '+i', image);
        isSealed = true;
      },
    });
    if (isSealed) runAsRoot('chattr', '-i', image);
    assert.equal(failed.status, 3, failed.stderr);
    assert.equal(digest(image), before);
    const second = await shell('--write', image, '--', 'true');
    assert.match(second.stderr, /ended before it could write its changes/);
    const [, command = ''] = /when the cause is gone: (qemu-img commit .*)/.exec(failed.stderr) ?? [];
    execFileSync('sh', ['-c', command]);
    rmSync(changes);
    assert.equal((await shell(image, '--', 'cat', '/etc/new')).stdout, 'x\n');
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
