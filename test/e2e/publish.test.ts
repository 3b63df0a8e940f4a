// vlb publish to a virt-builder repository: virt-builder itself lists it and builds from it, and others' entries stay.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { applianceEnvironment } from '../rig/appliance.ts';
import { treeOf } from '../rig/disk-truth.ts';
import { untilClean } from '../rig/host-state.ts';
import { Built, TestProject } from '../rig/project.ts';
import { runAsRoot } from '../rig/root.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

const KEY = 'builds@example.org';

/** What virt-builder requires of a system in order to recognize it, and to customize it. */
const DEBIAN = `
echo 'ID=debian
VERSION_ID="12"
PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"' > $root/etc/os-release
echo 12.5 > $root/etc/debian_version
echo '/dev/sda1 / ext4 defaults 0 1' > $root/etc/fstab
echo 'root:*:19000:0:99999:7:::' > $root/etc/shadow
mkdir -p $root/var/lib $root/tmp
`;

const OTHERS = `# Made by hand.

[other]
name=Of somebody else
arch=x86_64
file=other.xz
size=1048576
notes=Two

[web]
arch=riscv64
file=web-riscv.xz
size=1048576
`;

const CONFIG = `
machines:
  web:
    disks: [{ image: 20_page }]
    template:
      name: A web server
      notes: |
        A web server

        With a page.
  two: { disks: [{ image: 20_page }, { name: data, size: 1G }] }
`;

describe('vlb publish to a repository', () => {
  let project: TestProject;
  const environment: Record<string, string> = {};
  before(() => {
    project = new TestProject({
      'layers/10_base/modify-disk': tinyDisk({ size: '64M', more: DEBIAN }),
      'layers/20_page/build-layer': buildLayer('cp page /page'),
      'layers/20_page/page': 'first\n',
      'vlb.yaml': CONFIG,
    });
    const home = project.path('gnupg');
    mkdirSync(home, { mode: 0o700 });
    environment['GNUPGHOME'] = home;
    const unprotected = ['--batch', '--pinentry-mode', 'loopback', '--passphrase', ''];
    gpg(...unprotected, '--quick-generate-key', KEY, 'default', 'default', 'never');
  });
  const endAgent = () =>
    execFileSync('gpgconf', ['--kill', 'all'], { env: { ...process.env, ...environment } });
  after(async () => {
    endAgent();
    await project[Symbol.asyncDispose]();
  });

  const gpg = (...args: readonly string[]) =>
    execFileSync('gpg', args, { env: { ...process.env, ...environment }, encoding: 'utf8', stdio: 'pipe' });
  const repository = (...names: string[]) => project.path('templates', ...names);
  const publish = (...args: string[]) =>
    project.vlb(['publish', 'web', '--to', './templates', ...args], { env: environment });
  const published = async (...args: string[]) => {
    const done = await publish(...args);
    assert.equal(done.status, 0, done.stderr);
    return done;
  };
  const entry = () => {
    const lines = readFileSync(repository('index'), 'utf8').split('\n');
    const own = lines.slice(lines.lastIndexOf('[web]'));
    return Object.fromEntries(
      own.flatMap((line) => (/^(\S+?)=(.*)/.exec(line) ? [line.split('=') as [string, string]] : [])),
    );
  };
  /** Without the repositories of this machine, which virt-builder asks whatever its sources are. */
  const virtBuilder = (...args: readonly string[]) =>
    runAsRoot(
      ...['unshare', '--mount', 'sh', '-c', 'mount -t tmpfs none /etc/virt-builder && exec "$@"', 'sh'],
      ...[
        'env',
        ...Object.entries({ ...environment, ...applianceEnvironment() }).map((pair) => pair.join('=')),
      ],
      ...['virt-builder', '--no-cache', '--source', `file://${repository('index.asc')}`],
      ...['--fingerprint', fingerprint(), ...args],
    );
  const fingerprint = () =>
    /^f\w+:+([0-9A-F]{40}):/m.exec(gpg('--list-keys', '--with-colons', KEY))?.[1] ?? '';

  test('the entries of others stay, and all fields are there', async () => {
    mkdirSync(repository());
    writeFileSync(repository('index'), OTHERS);
    writeFileSync(repository('notes.txt'), 'of somebody else');
    const done = new Built(await publish('--sign', KEY, '--progress', 'json'));
    assert.equal(done.status, 0, done.told);
    assert.deepEqual(done.finished?.published, { machine: 'web', to: './templates', revision: 1 });
    const index = readFileSync(repository('index'), 'utf8');
    assert.ok(index.startsWith(OTHERS));
    const { 'checksum[sha512]': sha512, compressed_size: packed, notes, ...fields } = entry();
    const file = 'web.x86_64.1.xz';
    assert.deepEqual(fields, {
      ...{ name: 'A web server', osinfo: 'debian12', arch: 'x86_64', file, revision: '1' },
      ...{ format: 'raw', size: String(64 * 2 ** 20), expand: '/dev/sda1' },
    });
    assert.equal(notes, 'A web server');
    assert.match(index, /notes=A web server\n \n With a page\.\n/);
    const bytes = readFileSync(repository(file));
    assert.equal(sha512, createHash('sha512').update(bytes).digest('hex'));
    assert.equal(packed, String(bytes.length));
    assert.match(
      execFileSync('xz', ['--list', '-vv', repository(file)], { encoding: 'utf8' }),
      /^ +1 +2 +\d+ +16777216 +\d+ +16777216 /m,
    );
    endAgent();
    await untilClean(project);
  });

  test('virt-builder checks the signature, lists the template and builds from it', () => {
    const listed = JSON.parse(virtBuilder('--list', '--list-format', 'json'));
    const own = listed.templates.find(
      (one: { 'os-version': string; arch: string }) => one.arch === 'x86_64' && one['os-version'] === 'web',
    );
    assert.equal(own['full-name'], 'A web server');
    assert.equal(own.size, 64 * 2 ** 20);
    assert.match(own.notes.C, /With a page/);
    const image = project.path('built.qcow2');
    const about = ['--format', 'qcow2', '--size', '96M', '--output', image];
    virtBuilder(
      'web',
      '--no-network',
      '--root-password',
      'disabled',
      '--write',
      '/built:by virt-builder',
      ...about,
    );
    const files = treeOf(image, project.directory);
    assert.equal(
      files.get('/page'),
      treeOf(project.path('build/20_page.qcow2'), project.directory).get('/page'),
    );
    assert.ok(files.has('/built'));
  });

  test('nothing changed: nothing is written; a change is the next revision, and --keep removes old ones', async () => {
    const before = statSync(repository('index.asc')).mtimeMs;
    await published('--sign', KEY);
    assert.equal(statSync(repository('index.asc')).mtimeMs, before);
    for (const [content, revision] of [
      ['second\n', '2'],
      ['third\n', '3'],
    ] as const) {
      project.write({ 'layers/20_page/page': content });
      await published('--sign', KEY, ...(revision === '3' ? ['--keep', '2'] : []));
      assert.equal(entry()['revision'], revision);
    }
    assert.deepEqual(readdirSync(repository()).sort(), [
      ...['index', 'index.asc', 'notes.txt'],
      ...['web.x86_64.2.json', 'web.x86_64.2.xz', 'web.x86_64.3.json', 'web.x86_64.3.xz'],
    ]);
    const text = gpg('--batch', '--decrypt', repository('index.asc'));
    assert.equal(text, readFileSync(repository('index'), 'utf8').replaceAll(/ +$/gm, ''));
  });

  test('other notes are no other revision; another form is', async () => {
    project.write({ 'vlb.yaml': CONFIG.replace('With a page', 'With one page') });
    await published('--sign', KEY);
    assert.equal(entry()['revision'], '3');
    assert.match(readFileSync(repository('index'), 'utf8'), /With one page/);
    await published('--sign', KEY, '--format', 'raw');
    const { revision, file, compressed_size: packed } = entry();
    assert.deepEqual([revision, file, packed], ['4', 'web.x86_64.4.raw', undefined]);
    runAsRoot(
      'qemu-img',
      'compare',
      '-f',
      'raw',
      '-F',
      'qcow2',
      repository('web.x86_64.4.raw'),
      project.path('build/20_page.qcow2'),
    );
  });

  test('what is wrong is an error before anything is built', async () => {
    project.write({ 'layers/20_page/page': 'fourth\n' });
    const refused = async (expected: RegExp, ...args: string[]) => {
      const { status, stderr } = await publish(...args);
      assert.equal(status, 2, stderr);
      assert.match(stderr, expected);
      assert.doesNotMatch(stderr, /building/);
    };
    await refused(/the index is signed, and would be outdated/);
    await refused(/gpg has no secret key "nobody@example.org"/, '--sign', 'nobody@example.org');
    const two = await project.vlb(['publish', 'two', '--to', './elsewhere']);
    assert.match(two.stderr, /a template has one disk, and two has 2/);
    assert.equal(existsSync(project.path('elsewhere')), false);
    const signed = readFileSync(repository('index.asc'), 'utf8');
    writeFileSync(repository('index.asc'), signed.replace('[other]', '[others]'));
    await refused(/the signature is not valid/, '--sign', KEY);
    writeFileSync(repository('index.asc'), signed);
    rmSync(repository('index.asc'));
    writeFileSync(repository('index'), 'x=y\n');
    await refused(/not an index of virt-builder: the field x is not in a section\n +at templates\/index:1/);
  });

  test('fault: killed at any moment, a repository has the old index or the new one, and the next publish completes it', async () => {
    writeFileSync(repository('index'), OTHERS);
    for (const delay of [0, 15, 40]) {
      project.write({ 'layers/20_page/page': `killed after ${delay}\n` });
      const done = await project.vlb(['publish', 'web', '--to', './templates', '--progress', 'json'], {
        env: environment,
        onStdout: (text, kill) => {
          if (text.includes('publish-started')) setTimeout(() => kill('SIGKILL'), delay);
        },
      });
      const index = readFileSync(repository('index'), 'utf8');
      assert.ok(index.startsWith(OTHERS));
      const { file, 'checksum[sha512]': sha512 } = entry();
      if (sha512) {
        const bytes = readFileSync(repository(file ?? ''));
        assert.equal(createHash('sha512').update(bytes).digest('hex'), sha512, String(done.status));
      }
    }
    await published('--keep', '1');
    const own = readdirSync(repository()).filter((name) => name.startsWith('web.') || name.startsWith('.'));
    const { file = '' } = entry();
    assert.deepEqual(own.sort(), [file.replace('.xz', '.json'), file]);
    assert.match(path.extname(file), /xz/);
  });
});
