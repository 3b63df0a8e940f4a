// vlb init: what it makes builds and boots as it stands, and it never writes over anything.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import { startWithBase } from '../rig/base-store.ts';
import { checkFileSystem, leftovers, readFromImage } from '../rig/host-state.ts';
import { REPOSITORY, run, TestProject, VLB } from '../rig/project.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

/** Where the root is on the disk of the example: after a partition for GRUB and the EFI system partition. */
const ROOT = 102 * 2 ** 20;

test('debian: it builds, boots to a login prompt, and root gets in, in test boots alone', async () => {
  await using project = new TestProject({});
  const made = await project.vlb(['init']);
  assert.equal(made.status, 0, made.stderr);
  assert.equal(made.stdout, 'layers/10_base\nlayers/20_app\ntest-boot/user-data\n.gitignore\n');
  await startWithBase(project); // example.test.ts makes it from nothing
  const built = await project.build();
  assert.equal(built.outcomes, '10_base restored, 20_app built', built.told);

  const checked = await project.vlb(['test-boot', '--check']);
  assert.equal(checked.status, 0, checked.stderr.slice(-4000));
  assert.match(checked.stderr, /up after .*: the console showed ".*login:"/);

  // NP: no password. The seed's script may need a moment.
  const isOpen =
    'for i in $(seq 30); do case $(passwd --status root) in *" NP "*) exit;; esac; sleep 1; done; exit 1';
  const asked = `(${isOpen}) && systemctl start nginx; curl -fsS localhost`;
  const entered = await project.vlb(['test-boot', '--run', asked]);
  assert.equal(entered.status, 0, entered.stderr.slice(-4000));
  assert.match(entered.stdout, /It works: built by vlb/);
  const scratch = path.dirname(project.directory);
  const shadow = readFromImage(project.path('build/image.qcow2'), scratch, '/etc/shadow', ROOT) ?? '';
  assert.match(shadow, /^root:[*!]/m, 'the image itself lets nobody in');
  assert.equal(checkFileSystem(project.path('build/image.qcow2'), scratch, ROOT), '');
  assert.deepEqual(leftovers(project), []);
});

test('debian: another release, size and layout are in its layer.yaml', async () => {
  await using project = new TestProject({});
  const made = await project.vlb(['init', '--release', '13', '--size', '6G', '--layout', 'server']);
  assert.equal(made.status, 0, made.stderr);
  const text = readFileSync(project.path('layers/10_base/layer.yaml'), 'utf8');
  assert.match(text, /^ {2}suite: trixie$/m);
  assert.match(text, /^ {4}size: 6G$/m);
  const planned = await project.vlb(['layer', 'show', 'base']);
  assert.equal(planned.status, 0, planned.stderr);
  assert.match(planned.stdout, /^# vlb: disk-size 6G$/m);
  assert.match(planned.stdout, /^UUID=\S+ \/var ext4 defaults 0 2$/m);
});

test('scratch: it builds a disk with a file system', async () => {
  await using project = new TestProject({});
  const made = await project.vlb(['init', 'disk', '--base', 'scratch']);
  assert.equal(made.stdout, 'disk/layers/10_base\ndisk/.gitignore\n', made.stderr);
  const built = await project.build(['-C', 'disk']);
  assert.equal(built.outcomes, '10_base built', built.told);
  const scratch = path.dirname(project.directory);
  const image = project.path('disk/build/image.qcow2');
  assert.match(readFromImage(image, scratch, '/README') ?? '', /rootfs/);
  assert.equal(checkFileSystem(image, scratch), '');
});

test('cloud: it builds on top of an image that is fetched and checked', async () => {
  await using origin = new TestProject({ 'layers/10_base/modify-disk': tinyDisk() });
  const flat = await origin.build(['--flatten']);
  assert.equal(flat.status, 0, flat.told);
  const image = readFileSync(origin.path('build/image.qcow2'));
  const sha256 = createHash('sha256').update(image).digest('hex');
  const server = createServer((_request, response) => response.end(image)).listen(0, '127.0.0.1');
  try {
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo; // a server on a port has this address
    const url = `http://127.0.0.1:${port}/tiny.qcow2`;
    await using project = new TestProject({});
    const made = await project.vlb([
      'init',
      '--base',
      'cloud',
      '--url',
      url,
      '--sha256',
      sha256.toUpperCase(),
    ]);
    assert.equal(made.stdout, 'layers/10_app\ntest-boot/user-data\nvlb.yaml\n.gitignore\n', made.stderr);
    const built = await project.build([], { env: { NO_PROXY: '127.0.0.1' } });
    assert.equal(built.outcomes, 'base built, 10_app built', built.told);
    const text = readFromImage(
      project.path('build/image.qcow2'),
      path.dirname(project.directory),
      '/etc/motd',
    );
    assert.equal(text, 'Built by vlb.\n');
  } finally {
    server.close();
  }
});

test('it says what to type next', async () => {
  await using project = new TestProject({});
  const { stderr } = await project.vlb(['init', 'my disk']);
  assert.equal(
    stderr.replaceAll(/^npm warn.*\n/gm, ''),
    `next:
  cd 'my disk'
  vlb doctor                                                        check this machine for requirements
  vlb build                                                         the first build downloads the packages of Debian
  vlb test-boot --run 'systemctl start nginx; curl -fsS localhost'  check that its web server answers
  vlb test-boot                                                     log in as root, without a password; ^a x exits
`,
  );
});

for (const [what, files, named] of [
  ['a layer of the same name', { 'layers/10_base/modify-disk': tinyDisk() }, ['layers/10_base']],
  ['another layer', { 'layers/70_more/build-layer': buildLayer('true') }, ['layers/70_more']],
  ['an older project, with layers at its root', { '10_base/modify-disk': tinyDisk() }, ['10_base']],
  ['a configuration', { 'vlb.yaml': 'base: x.qcow2\n' }, ['vlb.yaml']],
  ['a seed', { 'test-boot/user-data': '#cloud-config\n' }, ['test-boot/user-data']],
] as const) {
  test(`conflict: ${what}; nothing is written`, async () => {
    await using project = new TestProject(files);
    const before = readdirSync(project.directory, { recursive: true });
    const ended = await project.vlb(['init']);
    assert.equal(ended.status, 2);
    assert.equal(ended.stdout, '');
    assert.match(ended.stderr, /^error: this directory contains a project/m);
    for (const name of named) assert.match(ended.stderr, new RegExp(`^ {2}\\| ${name}$`, 'm'));
    assert.match(ended.stderr, /help: .*vlb new-layer NAME/);
    assert.deepEqual(readdirSync(project.directory, { recursive: true }), before);
  });
}

test('in a directory of another project, it is made there and not in the one above', async () => {
  await using project = new TestProject({ 'layers/10_base/modify-disk': tinyDisk(), 'sub/.keep': '' });
  const ended = await run(VLB, ['init', '--base', 'scratch'], { cwd: project.path('sub') });
  assert.equal(ended.status, 0, ended.stderr);
  assert.equal(ended.stdout, 'layers/10_base\n.gitignore\n');
  assert.ok(existsSync(project.path('sub/layers/10_base/modify-disk')));
});

test('a file in place of the project is an error', async () => {
  await using project = new TestProject({ web: '' });
  const ended = await project.vlb(['init', 'web']);
  assert.equal(ended.status, 2);
  assert.match(ended.stderr, /a file of this name exists\n {2}at web$/m);
});

test('other files stay; .gitignore gets the missing lines', async () => {
  await using project = new TestProject({ '.gitignore': '*.log\n/build/', 'notes.txt': 'mine\n' });
  const made = await project.vlb(['init', '--base', 'scratch']);
  assert.equal(made.status, 0, made.stderr);
  assert.equal(readFileSync(project.path('.gitignore'), 'utf8'), '*.log\n/build/\n/.vlb/\n');
  assert.equal(readFileSync(project.path('notes.txt'), 'utf8'), 'mine\n');
});

for (const [what, args, status, says] of [
  ['no address', ['--base', 'cloud'], 2, /--base cloud requires --url and --sha256/],
  ['no sha256', ['--base', 'cloud', '--url', 'https://example.org/x.qcow2'], 2, /run sha256sum/],
  [
    'an invalid URL',
    ['--base', 'cloud', '--url', 'x', '--sha256', '0'.repeat(64)],
    2,
    /--url must be an http or https URL/,
  ],
  [
    'a short sha256',
    ['--base', 'cloud', '--url', 'http://x/', '--sha256', '0f'],
    2,
    /--sha256 must be 64 hexadecimal digits/,
  ],
  ['an address without cloud', ['--url', 'http://x/'], 2, /--url and --sha256 require --base cloud/],
  ['a release without Debian', ['--base', 'scratch', '--release', '12'], 2, /require --base debian/],
  [
    'an unknown release',
    ['--release', 'bokworm'],
    2,
    /unknown release "bokworm" of debian\n {2}help: did you mean bookworm/,
  ],
  ['a size without a unit', ['--size', '20'], 2, /--size must be a size with a unit/],
  ['an unknown base', ['--base', 'fedora'], 2, /"fedora"/],
] as const) {
  test(`clear error: ${what}`, async () => {
    await using project = new TestProject({});
    const ended = await project.vlb(['init', ...args]);
    assert.equal(ended.status, status);
    assert.match(ended.stderr, says);
    assert.deepEqual(readdirSync(project.directory), []);
  });
}

test('it works where vlb is installed as a package', async () => {
  await using project = new TestProject({});
  const { files } = JSON.parse(readFileSync(path.join(REPOSITORY, 'package.json'), 'utf8'));
  for (const name of ['package.json', ...files]) {
    cpSync(path.join(REPOSITORY, name), project.path('installed', name), { recursive: true });
  }
  for (const base of [
    [],
    ['--base', 'scratch'],
    ['--base', 'cloud', '--url', 'http://x/', '--sha256', '0'.repeat(64)],
  ]) {
    const place = `at${base.length}`;
    const env = { VLB_NODE: process.execPath };
    const made = await run(project.path('installed/bin/vlb'), ['init', place, ...base], {
      cwd: project.directory,
      env,
    });
    assert.equal(made.status, 0, made.stderr);
    assert.ok(existsSync(project.path(place, 'layers')));
  }
  assert.equal(
    statSync(project.path('at0/layers/10_base/rootfs/usr/local/sbin/run-seed')).mode & 0o777,
    0o755,
  );
  assert.equal(statSync(project.path('at0/layers/20_app/index.html')).mode & 0o777, 0o644);
});
