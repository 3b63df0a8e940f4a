// vlb doctor on machines that lack something: the right line, its cure and the exit status, and nothing is changed.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { ownerName } from '../../src/host/process/owner.ts';
import type { Finding } from '../../src/model/ports/checkup.ts';
import { leftovers } from '../rig/host-state.ts';
import { AS_NOBODY, afterMounting, asNobody, devWithout, pathWithout } from '../rig/machine.ts';
import { type Ended, run, TestProject, VLB } from '../rig/project.ts';
import { asRoot, runAsRoot } from '../rig/root.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

const PROJECT = { 'layers/10_base/modify-disk': tinyDisk() };
const DOCTOR = [VLB, 'doctor', '--json'];

interface Checkup {
  readonly able: boolean;
  readonly findings: readonly Finding[];
  readonly removed?: readonly string[];
}

function checkupOf({ stdout, stderr }: Ended): Checkup {
  assert.notEqual(stdout, '', stderr);
  return JSON.parse(stdout);
}

/** What is said of one thing. */
function of(name: string, { findings }: Checkup): Finding {
  const found = findings.find((finding) => finding.name === name);
  if (!found)
    assert.fail(`nothing is said of ${name}: ${findings.map((finding) => finding.name).join(', ')}`);
  return found;
}

const lacks = ({ findings }: Checkup): string[] =>
  findings.filter(({ needed, state }) => needed && state !== 'ok').map(({ name }) => name);

test('where builds run, all that they need is there, and nothing is left of the look', async () => {
  await using project = new TestProject(PROJECT);
  const ended = await project.vlb(['doctor', '--json']);
  const checkup = checkupOf(ended);
  assert.equal(ended.status, 0, ended.stdout);
  assert.deepEqual(lacks(checkup), []);
  assert.match(of('qemu-img', checkup).detail ?? '', /^\d+\.\d+/);
  assert.equal(of('FUSE export', checkup).state, 'ok');
  assert.match(of('store', checkup).detail ?? '', /free in .*\.vlb\/store$/);
  assert.equal(existsSync(project.path('.vlb')), false, 'it only looks');
  assert.deepEqual(leftovers(project), []);
});

test('a person reads a line for each thing, and a sentence at the end', async () => {
  await using project = new TestProject(PROJECT);
  const ended = await project.vlb(['doctor']);
  assert.match(ended.stdout, /^vlb build\n {2}ok {7}node +runs vlb \(\d+\.\d+\.\d+\)$/m);
  assert.match(ended.stdout, /^ {2}ok {7}FUSE export +attaches disks \(tried with a tiny one\)$/m);
  assert.match(ended.stdout, /\nvlb build can run\. (Nothing is missing\.|Optional, not available: .*)\n$/);
  assert.equal(ended.stderr.replaceAll(/^npm warn.*\n/gm, ''), '');
});

test('outside of any project only the machine is looked at', async () => {
  await using place = new TestProject({});
  const checkup = checkupOf(await place.vlb(['doctor', '--json', '--clean']));
  assert.equal(
    checkup.findings.some(({ group }) => group === 'this project'),
    false,
  );
  assert.deepEqual(readdirSync(place.directory), []);
});

test('without qemu: each of its tools, with the package', async () => {
  await using project = new TestProject(PROJECT);
  const env = { PATH: pathWithout(project.path('bin'), /^qemu-/) };
  const ended = await project.vlb(['doctor'], { env });
  assert.equal(ended.status, 3, ended.stdout);
  for (const [tool, cure] of [
    ['qemu-img', 'apt-get install qemu-utils'],
    ['qemu-storage-daemon', 'apt-get install qemu-system-common'],
    ['qemu-system-\\w+', 'apt-get install qemu-system-\\w+'],
  ]) {
    assert.match(ended.stdout, new RegExp(`^  missing  ${tool} .*\\n +help: ${cure}$`, 'm'));
  }
  assert.match(
    ended.stdout,
    /\nvlb build cannot run on this machine\. Missing: qemu-img, qemu-storage-daemon\n$/,
  );
});

test('on another distribution the cure is its own', async () => {
  await using project = new TestProject({
    ...PROJECT,
    'os-release': 'ID="rocky"\nID_LIKE="rhel centos fedora"\n',
  });
  const mounts = `mount --bind ${project.path('os-release')} /etc/os-release`;
  const [command, args] = afterMounting(mounts, DOCTOR);
  const env = { PATH: pathWithout(project.path('bin'), /^qemu-img$/) };
  const checkup = checkupOf(await run(command, args, { cwd: project.directory, env }));
  assert.equal(of('qemu-img', checkup).cure, 'dnf install qemu-img');
});

test('an old QEMU is told for what it is', async () => {
  await using project = new TestProject(PROJECT);
  const bin = pathWithout(project.path('bin'), /^qemu-img$/);
  writeFileSync(path.join(bin, 'qemu-img'), '#!/bin/sh\necho "qemu-img version 5.2.0 (Debian 1:5.2)"\n', {
    mode: 0o755,
  });
  const ended = await project.vlb(['doctor', '--json'], { env: { PATH: bin } });
  assert.equal(ended.status, 3);
  assert.equal(of('qemu-img', checkupOf(ended)).detail, '5.2.0 is older than 6.0');
});

for (const [what, name, pattern, detail] of [
  ['/dev/fuse', '/dev/fuse', '/dev/fuse', '/dev/fuse does not exist'],
  ['loop devices', 'loop devices', '/dev/loop*', '/dev/loop-control does not exist'],
] as const) {
  test(`without ${what}`, async () => {
    await using project = new TestProject(PROJECT);
    const [command, args] = afterMounting(devWithout(pattern), DOCTOR);
    const ended = await run(command, args, { cwd: project.directory });
    const checkup = checkupOf(ended);
    assert.equal(ended.status, 3);
    assert.deepEqual(lacks(checkup), [name]);
    const found = of(name, checkup);
    assert.deepEqual([found.state, found.detail], ['missing', detail]);
    assert.match(found.cure ?? '', /^modprobe (fuse|loop)/);
  });
}

test('a /dev/fuse that is there and may not be opened, as in many a container', async () => {
  await using project = new TestProject(PROJECT);
  const mounts = 'mount --bind /dev/fuse /dev/fuse; mount -o remount,bind,nodev /dev/fuse';
  const [command, args] = afterMounting(mounts, DOCTOR);
  const ended = await run(command, args, { cwd: project.directory });
  const checkup = checkupOf(ended);
  assert.equal(ended.status, 3);
  assert.deepEqual(lacks(checkup), ['/dev/fuse']);
  assert.equal(of('/dev/fuse', checkup).state, 'problem');
  assert.match(of('/dev/fuse', checkup).detail ?? '', /Permission denied/);
});

test('a user without sudo', async () => {
  await using project = new TestProject(PROJECT);
  execFileSync('chmod', ['-R', 'a+rwX', path.dirname(project.directory)]);
  const [command, args] = asNobody(DOCTOR);
  const ended = await run(command, args, { cwd: project.directory });
  const checkup = checkupOf(ended);
  assert.equal(ended.status, 3);
  assert.deepEqual(lacks(checkup), ['sudo']);
  assert.equal(of('sudo', checkup).state, 'problem');
  assert.match(of('sudo', checkup).cure ?? '', /`sudo -v`/);
});

test('a user with a sudo that requires no password', async () => {
  await using project = new TestProject({ ...PROJECT, sudoers: 'nobody ALL=(ALL) NOPASSWD: ALL\n' });
  execFileSync('chmod', ['-R', 'a+rwX', path.dirname(project.directory)]);
  execFileSync('chmod', ['0440', project.path('sudoers')]);
  runAsRoot('chown', '0:0', project.path('sudoers')); // sudo takes no orders from anybody else
  const ended = await run(
    ...afterMounting(`mount --bind ${project.path('sudoers')} /etc/sudoers`, [...AS_NOBODY, ...DOCTOR]),
    {
      cwd: project.directory,
    },
  );
  const checkup = checkupOf(ended);
  assert.equal(ended.status, 0, ended.stdout);
  assert.equal(of('sudo', checkup).detail, 'no password required');
  assert.equal(of('FUSE export', checkup).state, 'ok');
});

test('a user on a machine where there is no sudo at all', async () => {
  await using project = new TestProject(PROJECT);
  execFileSync('chmod', ['-R', 'a+rwX', path.dirname(project.directory)]);
  const [command, args] = asNobody(DOCTOR);
  const env = { PATH: pathWithout(project.path('bin'), /^sudo$/) };
  const checkup = checkupOf(await run(command, args, { cwd: project.directory, env }));
  assert.deepEqual(
    [of('sudo', checkup).state, of('sudo', checkup).cure],
    ['missing', 'apt-get install sudo; or run vlb as root'],
  );
});

test('a root that may make no namespaces, as in a container without that right', async () => {
  await using project = new TestProject(PROJECT);
  const ended = await run(
    ...asRoot('setpriv', ['--bounding-set=-sys_admin', '--inh-caps=-sys_admin', ...DOCTOR]),
    {
      cwd: project.directory,
    },
  );
  const checkup = checkupOf(ended);
  assert.equal(ended.status, 3);
  assert.deepEqual(lacks(checkup), ['namespaces']);
  assert.match(of('namespaces', checkup).detail ?? '', /unshare failed: Operation not permitted/);
});

test('a qemu-storage-daemon that was built without FUSE', async () => {
  await using project = new TestProject(PROJECT);
  const bin = pathWithout(project.path('bin'), /^qemu-storage-daemon$/);
  // What one says that was built so.
  const daemon = `#!/bin/sh
[ "$1" != --version ] || { echo 'qemu-storage-daemon version 7.2.22'; exit; }
echo "qemu-storage-daemon: --export: Parameter 'type' does not accept value 'fuse'" >&2
exit 1
`;
  writeFileSync(path.join(bin, 'qemu-storage-daemon'), daemon, { mode: 0o755 });
  const ended = await run(...asRoot(VLB, ['doctor', '--json']), {
    cwd: project.directory,
    env: { PATH: bin },
  });
  const checkup = checkupOf(ended);
  assert.equal(ended.status, 3);
  assert.deepEqual(lacks(checkup), ['FUSE export']);
  assert.match(of('FUSE export', checkup).detail ?? '', /has no FUSE export/);
  assert.match(of('FUSE export', checkup).cure ?? '', /--nbd/);
});

test('a store that cannot be written, and one with little room', async () => {
  await using project = new TestProject({ ...PROJECT, 'store/.keep': '' });
  const store = project.path('store');
  const argv = [...DOCTOR, '--cache-dir', store];
  const look = async (mounts: string) => {
    const [command, args] = afterMounting(mounts, argv);
    const ended = await run(command, args, { cwd: project.directory });
    return { status: ended.status, found: of('store', checkupOf(ended)) };
  };
  const readOnly = await look(`mount -t tmpfs -o ro tmpfs ${store}`);
  assert.deepEqual([readOnly.status, readOnly.found.state], [3, 'problem']);
  assert.match(readOnly.found.detail ?? '', /is not writable \(EROFS\)/);
  const small = await look(`mount -t tmpfs -o size=100M tmpfs ${store}`);
  assert.deepEqual([small.status, small.found.state], [0, 'problem']);
  assert.match(small.found.detail ?? '', /100 MiB free/);
  const full = await look(`mount -t tmpfs -o size=4M tmpfs ${store}`);
  assert.equal(full.status, 3);
});

test("a store that is somebody else's", async () => {
  await using project = new TestProject({ ...PROJECT, '.vlb/store/sha256/.keep': '' });
  execFileSync('chmod', ['a+rx', path.dirname(project.directory)]);
  execFileSync('chmod', ['0700', project.path('.vlb/store/sha256')]);
  const [command, args] = asNobody(DOCTOR);
  const checkup = checkupOf(await run(command, args, { cwd: project.directory }));
  assert.match(of('store', checkup).detail ?? '', /\.vlb\/store is not writable \(EACCES\)/);
  assert.match(of('store', checkup).cure ?? '', /^sudo chown -R "\$USER" /);
});

test('leftovers are counted, and --clean takes them away, but nothing of a living process', async () => {
  const dead = '999999999-1.00000000';
  await using project = new TestProject({
    ...PROJECT,
    [`.vlb/runs/${dead}-0/disk`]: '',
    [`.vlb/store/sha256/.tmp-${dead}-draft`]: 'x',
    [`.vlb/store/sha256/.tmp-${ownerName()}-draft`]: 'x',
    [`build/.flattening-${dead}.qcow2`]: 'x',
  });
  mkdirSync(project.path(`.vlb/runs/${ownerName()}-0`), { recursive: true });
  const file = project.path(`.vlb/runs/${dead}-0/disk`);
  execFileSync('truncate', ['-s', '1M', file]);
  const device = runAsRoot('losetup', '--find', '--show', file).trim();
  const found = of('leftovers', checkupOf(await project.vlb(['doctor', '--json'])));
  assert.equal(found.detail, '1 run, 2 half-made files, 1 loop device');
  assert.equal(found.cure, 'vlb doctor --clean, or the next build');

  const ended = await project.vlb(['doctor', '--json', '--clean']);
  assert.equal(ended.status, 0);
  const after = checkupOf(ended);
  assert.deepEqual(
    after.removed?.toSorted(),
    [
      device,
      project.path('.vlb/runs', `${dead}-0`),
      project.path('.vlb/store/sha256', `.tmp-${dead}-draft`),
      project.path('build', `.flattening-${dead}.qcow2`),
    ].toSorted(),
  );
  assert.equal(of('leftovers', after).state, 'ok');
  assert.deepEqual(readdirSync(project.path('.vlb/runs')), [`${ownerName()}-0`]);
  assert.deepEqual(readdirSync(project.path('.vlb/store/sha256')), [`.tmp-${ownerName()}-draft`]);
  // Somebody else may have the device by now.
  const devices = execFileSync('losetup', ['--list', '--noheadings', '--output', 'BACK-FILE'], {
    encoding: 'utf8',
  });
  assert.equal(devices.includes(project.directory), false, devices);
});

test('--clean in the middle of a build does it no harm', async () => {
  await using project = new TestProject({
    ...PROJECT,
    'layers/20_app/build-layer': buildLayer('echo now; sleep 2; echo made > /made'),
  });
  let cleaning: Promise<Ended> | undefined;
  const built = await project.build([], {
    onStdout: (text) => {
      if (/"line":"now"/.test(text)) cleaning ??= project.vlb(['doctor', '--json', '--clean']);
    },
  });
  assert.equal(built.outcomes, '10_base built, 20_app built', built.told);
  assert.ok(cleaning);
  const ended = await cleaning;
  assert.equal(ended.status, 0, ended.stdout + ended.stderr);
  assert.deepEqual(checkupOf(ended).removed, []);
  assert.deepEqual(leftovers(project), []);
});
