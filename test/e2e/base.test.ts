// A base image from a file or a URL: checked, unpacked, imported once, and imported again only when it is another one.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { leftovers } from '../rig/host-state.ts';
import { TestProject } from '../rig/project.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

/** A tiny system as one flat file, in every form a base may have. */
const images = mkdtempSync(path.join(tmpdir(), 'vlb-bases-'));

before(async () => {
  await using maker = new TestProject({ 'layers/10_base/modify-disk': tinyDisk({ size: '128M' }) });
  assert.equal((await maker.build(['--flatten'])).status, 0);
  copyFileSync(maker.path('build/image.qcow2'), path.join(images, 'base.qcow2'));
  const cwd = images;
  execFileSync('qemu-img', ['convert', '-O', 'raw', 'base.qcow2', 'base.raw'], { cwd });
  execFileSync('xz', ['--keep', '-0', 'base.qcow2'], { cwd });
  execFileSync('gzip', ['--keep', '-1', 'base.qcow2'], { cwd });
  execFileSync('zstd', ['--quiet', '--keep', '-1', 'base.raw'], { cwd });
  execFileSync('qemu-img', ['convert', '-O', 'vmdk', 'base.qcow2', 'base.vmdk'], { cwd });
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', 'base.raw', '-F', 'raw', 'delta.qcow2'], {
    cwd,
  });
});
after(() => rmSync(images, { recursive: true }));

const APP = { 'layers/10_app/build-layer': buildLayer('cat /etc/os-release') };

test('a file in each form and packing', async (t) => {
  for (const name of ['base.qcow2', 'base.raw', 'base.qcow2.xz', 'base.qcow2.gz', 'base.raw.zst']) {
    await t.test(name, async () => {
      await using project = new TestProject({ ...APP, 'vlb.yaml': `base: ${path.join(images, name)}\n` });
      const built = await project.build();
      assert.equal(built.outcomes, 'base built, 10_app built', built.told);
      assert.equal(built.output, 'ID=tiny');
      assert.equal((await project.build()).outcomes, 'base fresh, 10_app fresh');
      assert.deepEqual(leftovers(project), []);
    });
  }
});

test('a relative path with its sha256; another content is another base', async () => {
  const sha256 = digestOf('base.qcow2');
  await using project = new TestProject({
    ...APP,
    'vlb.yaml': `base:\n  path: images/base.qcow2\n  sha256: ${sha256}\n`,
    'images/keep': '',
  });
  const file = project.path('images/base.qcow2');
  copyFileSync(path.join(images, 'base.qcow2'), file);
  assert.equal((await project.build()).outcomes, 'base built, 10_app built');

  execFileSync('qemu-io', ['-c', 'write -P 7 127M 64k', file]);
  const changed = await project.build();
  assert.equal(changed.status, 2, changed.told);
  assert.match(changed.finished?.failure?.message ?? '', /another sha256/);
  assert.deepEqual(leftovers(project), []);

  const other = createHash('sha256').update(readFileSync(file)).digest('hex');
  project.write({ 'vlb.yaml': `base:\n  path: images/base.qcow2\n  sha256: ${other}\n` });
  assert.equal((await project.build()).outcomes, 'base built, 10_app built');
});

test('a URL is fetched once, and a wrong or missing one is told', async () => {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    if (request.url === '/base.qcow2.xz')
      return response.end(readFileSync(path.join(images, 'base.qcow2.xz')));
    if (request.url === '/short') {
      response.writeHead(200, { 'content-length': '1000000' });
      response.write('only this');
      return response.destroy();
    }
    response.writeHead(404);
    return response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo; // a TCP server's address is one
  try {
    const sha256 = digestOf('base.qcow2.xz');
    const yaml = (name: string, sum = sha256) => ({
      'vlb.yaml': `base:\n  url: http://127.0.0.1:${port}/${name}\n  sha256: ${sum}\n`,
    });
    await using project = new TestProject({ ...APP, ...yaml('base.qcow2.xz') });
    const built = await project.build();
    assert.equal(built.outcomes, 'base built, 10_app built', built.told);
    assert.equal((await project.build()).outcomes, 'base fresh, 10_app fresh');
    assert.deepEqual(asked, ['/base.qcow2.xz']);

    for (const [name, sum, status, says] of [
      ['base.qcow2.xz', '1'.repeat(64), 2, /another sha256/],
      ['gone', '2'.repeat(64), 2, /404/],
      ['short', '3'.repeat(64), 3, /cannot be (brought in|fetched)/],
    ] as const) {
      project.write(yaml(name, sum));
      const failed = await project.build();
      assert.equal(failed.status, status, failed.told);
      assert.match(failed.finished?.failure?.message ?? '', says);
      assert.deepEqual(leftovers(project), []);
    }
  } finally {
    server.close();
  }
});

test('a base that stands on another file, or is in another format, is refused with what to do', async () => {
  for (const [name, says] of [
    ['delta.qcow2', /is not whole: it stands on base\.raw/],
    ['base.vmdk', /is in the format vmdk/],
  ] as const) {
    await using project = new TestProject({ ...APP, 'vlb.yaml': `base: ${path.join(images, name)}\n` });
    const ended = await project.vlb(['build', '--progress', 'plain']);
    assert.equal(ended.status, 2, ended.stderr);
    assert.match(ended.stderr, says);
    assert.match(ended.stderr, /qemu-img convert -O qcow2/);
    assert.deepEqual(leftovers(project), []);
  }
});

function digestOf(name: string): string {
  return createHash('sha256')
    .update(readFileSync(path.join(images, name)))
    .digest('hex');
}

test('a qcow2 file disguised as raw cannot make vlb read another file of the host', async () => {
  // What is imported is what QEMU says it is, and a backing file or an external data file is refused.
  await using project = new TestProject({ ...APP, 'vlb.yaml': 'base: evil.raw\n' });
  writeFileSync(project.path('secret'), 'secret');
  execFileSync('qemu-img', [
    'create',
    '-q',
    '-f',
    'qcow2',
    '-b',
    project.path('secret'),
    '-F',
    'raw',
    project.path('evil.raw'),
  ]);
  const ended = await project.vlb(['build', '--progress', 'plain']);
  assert.equal(ended.status, 2, ended.stderr);
  assert.match(ended.stderr, /is not whole/);
});
