// vlb deploy to block devices and files: what is written, and what is refused.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { Built, type Ended, run, TestProject, VLB } from '../rig/project.ts';
import { asRoot, runAsRoot } from '../rig/root.ts';

const MIB = 1024 ** 2;

/** A file system, and a hole at the end of the disk. */
const LAYER = '#!/bin/sh\n# vlb: from scratch\n# vlb: disk-size 32M\nset -eu\nmkfs.ext4 -q "$3" 16M\n';

/** A disk of data: what its blocks are does not matter. */
const LARGE_LAYER =
  '#!/bin/sh\n# vlb: from scratch\n# vlb: disk-size 512M\nhead -c 512M /dev/urandom >"$3"\n';

describe('vlb deploy to a disk', () => {
  let project: TestProject;
  let expected: Buffer;
  let device: string;
  before(async () => {
    project = new TestProject({ 'layers/10_base/modify-disk': LAYER });
    const built = await project.build();
    assert.equal(built.status, 0, built.told);
    const raw = project.path('expected.raw');
    execFileSync('qemu-img', ['convert', '-O', 'raw', project.path('build/image.qcow2'), raw]);
    expected = readFileSync(raw);
    // Larger than the disk, and without anything that looks like one.
    writeFileSync(project.path('device'), Buffer.alloc(48 * MIB, 'Z'));
    device = runAsRoot('losetup', '-f', '--show', project.path('device')).trim();
  });
  after(async () => {
    runAsRoot('losetup', '-d', device);
    await project[Symbol.asyncDispose]();
  });

  const deploy = (...args: readonly string[]): Promise<Ended> =>
    run(...asRoot(VLB, ['deploy', 'image', ...args]), { cwd: project.directory });
  const content = () => execFileSync('cat', [project.path('device')], { maxBuffer: 64 * MIB });

  test('a device has the bytes of the disk, also where that is empty, and its own after its end', async () => {
    const planned = await deploy('--to', device, '--dry-run');
    assert.equal(planned.status, 0, planned.stderr);
    assert.match(planned.stdout, /write the system disk to \/dev\/loop\d+\n.*read it back/);
    assert.ok(
      content().every((byte) => byte === 0x5a),
      'nothing was written yet',
    );

    const done = new Built(await deploy('--to', device, '--progress', 'json'));
    assert.equal(done.status, 0, done.told);
    const types = done.events.map((event) => ('stage' in event ? event.stage : event.type)).join(' ');
    assert.match(types, /deploy-started write .*compare .*deploy-finished finished/);
    runAsRoot('blockdev', '--flushbufs', device);
    assert.ok(content().subarray(0, expected.length).equals(expected));
    assert.ok(
      content()
        .subarray(expected.length)
        .every((byte) => byte === 0x5a),
    );
  });

  test('a device that holds something is refused without --force', async () => {
    const refused = await deploy('--to', device);
    assert.equal(refused.status, 2, refused.stderr);
    assert.match(refused.stderr, /holds something: ext4[\s\S]*--force/);
    // Of a member of a RAID array, as linux/raid/md_p.h has it: behind the end of the disk.
    const member = Buffer.alloc(4096);
    for (const [index, word] of [0xa92b4efc, 0, 90].entries()) member.writeUInt32LE(word, index * 4);
    writeFileSync(project.path('member'), member);
    const place = `seek=${(48 * MIB - 64 * 1024) / 4096}`;
    runAsRoot('dd', `if=${project.path('member')}`, `of=${device}`, 'bs=4096', place, 'conv=fsync');
    assert.match((await deploy('--to', device)).stderr, /holds something: .*linux_raid_member/);
    const forced = await deploy('--to', device, '--force', '--full');
    assert.equal(forced.status, 0, forced.stderr);
    assert.ok(content().subarray(0, expected.length).equals(expected));
    assert.deepEqual(runAsRoot('wipefs', '--noheadings', '--output', 'TYPE', device).trim().split(/\s+/), [
      'ext4',
    ]);
  });

  test('a device in use is refused, also with --force', async () => {
    const place = project.path('mounted');
    runAsRoot('mkdir', place);
    runAsRoot('mount', device, place);
    try {
      const refused = await deploy('--to', device, '--force');
      assert.equal(refused.status, 2, refused.stderr);
      assert.match(refused.stderr, /the device is in use[\s\S]*loop\d+ is mounted on .*\/mounted/);
    } finally {
      runAsRoot('umount', place);
    }
    // Somebody has it to himself, and the kernel does not say who.
    // A mount namespace that another process made in between has it mounted until that ends.
    const holder = `import os, time
def hold():
    for _ in range(300):
        try: return os.open("${device}", os.O_RDWR | os.O_EXCL)
        except OSError: time.sleep(0.1)
    raise SystemExit("still in use")
hold(); print("held", flush=True); time.sleep(60)`;
    const [command, args] = asRoot('python3', ['-c', holder]);
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'inherit'] });
    await new Promise((resolve, reject) => {
      child.stdout.once('data', resolve);
      child.once('close', () => reject(new Error('the device was in use already')));
    });
    try {
      const refused = await deploy('--to', device, '--force');
      assert.equal(refused.status, 2, refused.stderr);
      assert.match(refused.stderr, /the device is in use/);
    } finally {
      const closed = once(child, 'close');
      runAsRoot('pkill', '-f', `os.open..${device}.`);
      await closed;
    }
  });

  test('a disk that is larger than the device is refused before anything is written', async () => {
    writeFileSync(project.path('small'), Buffer.alloc(16 * MIB, 'Z'));
    const small = runAsRoot('losetup', '-f', '--show', project.path('small')).trim();
    try {
      const refused = await deploy('--to', small);
      assert.equal(refused.status, 2, refused.stderr);
      assert.match(refused.stderr, /the device has 16\.0 MiB, and the disk needs 32\.0 MiB/);
    } finally {
      runAsRoot('losetup', '-d', small);
    }
    assert.ok(readFileSync(project.path('small')).every((byte) => byte === 0x5a));
  });

  test('a file is written with holes, replaced only with --force, and keeps its mode', async () => {
    const file = project.path('out.img');
    const first = await deploy('--to', './out.img');
    assert.equal(first.status, 0, first.stderr);
    assert.ok(readFileSync(file).equals(expected));
    assert.ok(statSync(file).blocks * 512 < 16 * MIB);
    if (process.getuid?.() === 0) chmodSync(file, 0o600);
    const before = statSync(file);
    const refused = await deploy('--to', './out.img');
    assert.equal(refused.status, 2, refused.stderr);
    assert.equal(statSync(file).ino, before.ino);
    const full = await deploy('--to', './out.img', '--force', '--full');
    assert.equal(full.status, 0, full.stderr);
    assert.ok(readFileSync(file).equals(expected));
    const now = statSync(file);
    assert.equal(now.mode, before.mode);
    assert.ok(now.blocks * 512 >= 32 * MIB, 'all blocks are written');
    assert.deepEqual(
      readdirSync(project.directory).filter((name) => name.startsWith('.out')),
      [],
    );
  });

  test('fault: SIGKILL while a file is written leaves the earlier one, and the next deployment clears the rest', async () => {
    // So large that it is still being written when the signal comes.
    await using large = new TestProject({ 'layers/10_base/modify-disk': LARGE_LAYER });
    large.write({ 'out.img': 'earlier' });
    const args = ['deploy', 'image', '--to', './out.img', '--force', '--progress', 'json'];
    const options = { cwd: large.directory };
    let killed = false;
    const ended = await run(...asRoot(VLB, args), {
      ...options,
      onStdout: (text) => {
        if (killed || !text.includes('"stage":"write"')) return;
        killed = true;
        runAsRoot('pkill', '-KILL', '-f', 'deploy image --to ./out.img');
      },
    });
    assert.ok(killed && ended.status !== 0, ended.stdout);
    assert.equal(readFileSync(large.path('out.img'), 'utf8'), 'earlier');
    const left = () => readdirSync(large.directory).filter((name) => name.startsWith('.out'));
    assert.equal(left().length, 1);

    const again = await run(...asRoot(VLB, args), options);
    assert.equal(again.status, 0, again.stderr);
    assert.deepEqual(left(), []);
  });

  test('targets that cannot be meant are refused', async () => {
    for (const [target, message] of [
      ['/dev/vlb-none', /there is no such device/],
      ['/dev/null', /not a block device/],
      ['build/x.img', /vlb keeps its own files there/],
      ['none/x.img', /directory of the file does not exist/],
      ['.', /neither a file nor a block device/],
      ['x.qcow2', /--format qcow2/],
      ['libvrit', /unknown target/],
    ] as const) {
      const refused = await deploy('--to', target);
      assert.equal(refused.status, 2, `${target}: ${refused.stderr}`);
      assert.match(refused.stderr, message);
    }
    const rollback = await deploy('--to', './out.img', '--rollback');
    assert.equal(rollback.status, 2);
    assert.match(rollback.stderr, /--rollback requires a domain of libvirt/);
  });
});
