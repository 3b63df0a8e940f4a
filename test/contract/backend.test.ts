// The contract of a backend: a qcow2 file becomes a block device, byte for byte, and is released whatever happens.
// Run for every implementation.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AttachedDisk, Backend } from '../../src/host/attach/backend.ts';
import { fuseBackend } from '../../src/host/attach/fuse.ts';
import { nbdBackend } from '../../src/host/attach/nbd.ts';
import { openRootShell, type RootShell } from '../../src/host/root/root-shell.ts';
import { RunShell } from '../../src/host/root/run-shell.ts';
import { vmBackend } from '../../src/host/vm/backend.ts';
import { lendFile } from '../../src/host/vm/disks.ts';
import { type Guest, startGuest } from '../../src/host/vm/guest.ts';
import { openGuestShell } from '../../src/host/vm/shell.ts';
import type { Result } from '../../src/model/failure.ts';
import { applianceEnvironment } from '../rig/appliance.ts';

const MEBIBYTE = 1024 * 1024;

contract(onHost(fuseBackend), false);
// Two devices, since two disks are attached at once. VLB_TEST_NBD names others: /dev/nbd4,/dev/nbd5
const devices = (process.env['VLB_TEST_NBD'] ?? '/dev/nbd0,/dev/nbd1').split(',');
contract(
  onHost(nbdBackend(devices)),
  devices.every((device) => existsSync(device))
    ? false
    : `NOT RUN: this machine has no ${devices.join(' and ')} (modprobe nbd)`,
);
// One guest for all, as in a build.
let guest: Promise<Guest> | undefined;
const guestPlace = mkdtempSync(path.join(tmpdir(), 'vlb-guest-'));
after(async () => {
  await (await guest)?.[Symbol.asyncDispose]();
  rmSync(guestPlace, { recursive: true });
});
contract({ name: 'vm', open: openInGuest }, false);

/** How the places of a backend's tests are opened. */
interface Subject {
  readonly name: Backend['name'];
  readonly open: () => Promise<Place>;
}

function contract({ name, open }: Subject, skip: string | false): void {
  test(`${name}: what is written to the device is in the file, every byte in its place`, {
    skip,
  }, async () => {
    await using place = await open();
    const { backend, shell, directory, newRun } = place;
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', 'disk.qcow2', '64M'], { cwd: directory });
    const disk = good(await backend.attach(newRun(), path.join(directory, 'disk.qcow2')));
    // Not a multiple of anything that could hide a mistake; large requests and small ones, in pieces and in one.
    const content = Buffer.concat([
      randomBytes(24 * MEBIBYTE),
      Buffer.alloc(3 * MEBIBYTE),
      randomBytes(5 * MEBIBYTE + 512),
    ]);
    writeFileSync(path.join(directory, 'content'), content);
    const lent = await place.lend(path.join(directory, 'content'));
    const dd = (...args: string[]) =>
      shell.run(['dd', `if=${lent}`, `of=${disk.device}`, 'status=none', ...args]);
    good(await dd('bs=4M', 'conv=fsync'));
    good(await dd('bs=64K', 'oflag=direct', 'skip=16', 'seek=16', 'count=100'));
    good(await dd('bs=512', 'oflag=direct', 'skip=7', 'seek=7', 'count=9'));
    good(await shell.run(['blockdev', '--flushbufs', disk.device]));
    good(await shell.run(['cmp', '--bytes', String(content.length), lent, disk.device]));
    good(await disk.detach());
    assert.deepEqual(processesWith(directory), [], 'the process that wrote the file has ended');
    execFileSync('qemu-img', ['convert', '-O', 'raw', 'disk.qcow2', 'disk.raw'], { cwd: directory });
    const written = readFileSync(path.join(directory, 'disk.raw'));
    assert.equal(written.subarray(0, content.length).equals(content), true);
    assert.equal(
      written.subarray(content.length).every((byte) => byte === 0),
      true,
    );
    execFileSync('qemu-img', ['check', '-q', path.join(directory, 'disk.qcow2')]);
  });

  test(`${name}: zeros and what is discarded take no room in the file`, { skip }, async () => {
    await using place = await open();
    const { backend, shell, directory, newRun } = place;
    const file = path.join(directory, 'disk.qcow2');
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', file, '64M']);
    const disk = good(await backend.attach(newRun(), file));
    good(
      await shell.run([
        'dd',
        'if=/dev/urandom',
        `of=${disk.device}`,
        'bs=1M',
        'count=24',
        'conv=fsync',
        'status=none',
      ]),
    );
    good(
      await shell.run([
        'dd',
        'if=/dev/zero',
        `of=${disk.device}`,
        'bs=1M',
        'seek=24',
        'count=24',
        'conv=fsync',
        'status=none',
      ]),
    );
    good(await shell.run(['blkdiscard', '--offset', '0', '--length', String(20 * MEBIBYTE), disk.device]));
    good(await disk.detach());
    assert.ok(statSync(file).blocks * 512 < 6 * MEBIBYTE, `${statSync(file).blocks * 512} bytes`);
  });

  test(`${name}: a delta takes the writes and its parent stays as it is`, { skip }, async () => {
    await using place = await open();
    const { backend, shell, directory, newRun } = place;
    const cwd = directory;
    writeFileSync(path.join(directory, 'raw'), randomBytes(8 * MEBIBYTE));
    execFileSync('qemu-img', ['convert', '-O', 'qcow2', 'raw', 'parent.qcow2'], { cwd });
    execFileSync(
      'qemu-img',
      ['create', '-q', '-f', 'qcow2', '-b', './parent.qcow2', '-F', 'qcow2', 'delta.qcow2'],
      { cwd },
    );
    const before = readFileSync(path.join(directory, 'parent.qcow2'));
    const disk = good(await backend.attach(newRun(), path.join(directory, 'delta.qcow2')));
    good(await shell.run(['cmp', await place.lend(path.join(directory, 'raw')), disk.device]));
    good(
      await shell.run([
        'dd',
        'if=/dev/urandom',
        `of=${disk.device}`,
        'bs=1M',
        'count=1',
        'conv=fsync',
        'status=none',
      ]),
    );
    good(await disk.detach());
    assert.equal(readFileSync(path.join(directory, 'parent.qcow2')).equals(before), true);
    execFileSync('qemu-img', ['convert', '-O', 'raw', 'delta.qcow2', 'result'], { cwd });
    const [raw, result] = ['raw', 'result'].map((name) => readFileSync(path.join(directory, name)));
    assert.equal(raw?.subarray(0, MEBIBYTE).equals(result?.subarray(0, MEBIBYTE) ?? raw), false);
    assert.equal(raw?.subarray(MEBIBYTE).equals(result?.subarray(MEBIBYTE) ?? Buffer.alloc(0)), true);
  });

  test(`${name}: a disk attached for reading cannot be written, and the next one can`, {
    skip,
  }, async () => {
    await using place = await open();
    const { backend, shell, directory, newRun } = place;
    const file = path.join(directory, 'disk.qcow2');
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', file, '16M']);
    const before = readFileSync(file);
    const write = (device: string) =>
      shell.run(['dd', 'if=/dev/urandom', `of=${device}`, 'bs=64K', 'count=1', 'conv=fsync', 'status=none']);
    const forReading = good(await backend.attach(newRun(), file, 'read-only'));
    assert.equal((await write(forReading.device)).ok, false);
    good(await forReading.detach());
    assert.equal(readFileSync(file).equals(before), true);
    const forWriting = good(await backend.attach(newRun(), file));
    good(await write(forWriting.device));
    good(await forWriting.detach());
  });

  test(`${name}: partitions have nodes beside the device, at the next attachment too`, {
    skip,
  }, async () => {
    await using place = await open();
    const { backend, shell, directory, newRun } = place;
    const file = path.join(directory, 'disk.qcow2');
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', file, '64M']);
    const first = good(await backend.attach(newRun(), file));
    const table = 'label: gpt\nsize=16M\n,\n';
    good(await shell.run(['sh', '-c', 'printf %s "$2" | sfdisk -q "$1"', 'sh', first.device, table]));
    good(await shell.run(['partx', '--update', first.device]));
    const exists = (file: string) => shell.files.exists(file);
    assert.equal(await exists(`${first.device}p2`), true);
    good(await first.detach());
    // The kernel removes them behind the command's back.
    const end = performance.now() + 10_000;
    while ((await exists(`${first.device}p2`)) && performance.now() < end) await sleep(50);
    assert.equal(await exists(`${first.device}p2`), false, 'the nodes go with the disk');
    const second = good(await backend.attach(newRun(), file));
    assert.equal(await exists(`${second.device}p1`), true);
    good(await second.detach());
  });

  test(`${name}: two disks at once are two devices`, { skip }, async () => {
    await using one = await open();
    await using two = await open();
    const disks: AttachedDisk[] = [];
    for (const { backend, directory, newRun } of [one, two]) {
      const file = path.join(directory, 'disk.qcow2');
      execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', file, '16M']);
      disks.push(good(await backend.attach(newRun(), file)));
    }
    assert.notEqual(disks[0]?.device, disks[1]?.device);
    for (const disk of disks) good(await disk.detach());
  });

  test(`${name}: a device is released when everything is killed, mounted or not`, {
    skip,
  }, async () => {
    const place = await open();
    const { backend, shell, directory, newRun } = place;
    const file = path.join(directory, 'disk.qcow2');
    execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', file, '32M']);
    const disk = good(await backend.attach(newRun(), file));
    good(await shell.run(['mkfs.ext4', '-q', disk.device]));
    good(await shell.files.makeDirectory(path.join(directory, 'm')));
    good(await shell.run(['mount', disk.device, path.join(directory, 'm')]));
    shell.kill();
    for (let tries = 0; place.inUse(disk.device, file) && tries < 200; tries++) await sleep(50);
    assert.equal(place.inUse(disk.device, file), false);
    await place[Symbol.asyncDispose]();
  });

  test(`${name}: what could not be written is reported when the disk is detached, if not before`, {
    skip,
  }, async () => {
    await using place = await open();
    const { backend, shell, newRun } = place;
    const small = newRun().directory;
    const file = path.join(small, 'disk.qcow2');
    await place.fillWith(small, ['mount', '-t', 'tmpfs', '-o', 'size=4m', 'tmpfs', small]);
    await place.fillWith(small, ['qemu-img', 'create', '-q', '-f', 'qcow2', file, '64M']);
    const disk = good(await backend.attach(newRun(), file));
    // Into the kernel's memory: dd waits for nothing to reach the disk.
    await shell.run(
      ['dd', 'if=/dev/urandom', `of=${disk.device}`, 'bs=1M', 'count=8', 'status=none'],
      [0, 1],
    );
    assert.equal((await disk.detach()).ok, false);
  });

  test(`${name}: a file that is not a disk, or missing, is a failure and nothing stays attached`, {
    skip,
  }, async () => {
    await using place = await open();
    const { backend, directory, newRun } = place;
    writeFileSync(path.join(directory, 'no-disk'), 'no disk\n');
    for (const name of ['no-disk', 'missing']) {
      const result = await backend.attach(newRun(), path.join(directory, name));
      assert.equal(result.ok, false);
      if (!result.ok)
        assert.match([result.failure.message, ...(result.failure.detail ?? [])].join('\n'), new RegExp(name));
    }
    const loops = execFileSync('losetup', ['--all'], { encoding: 'utf8' });
    assert.equal(loops.includes(directory), false, loops);
  });
}

/** The processes that were given a path below a directory. */
function processesWith(directory: string): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((name) => textOf(`/proc/${name}/cmdline`).replaceAll('\0', ' '))
    .filter((command) => command.includes(directory));
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return ''; // the process has ended
  }
}

interface Place extends AsyncDisposable {
  readonly backend: Backend;
  readonly shell: RootShell;
  readonly directory: string;
  /** With a directory of its own. */
  readonly newRun: () => RunShell;
  /** Where the shell can read a file of this machine. */
  readonly lend: (file: string) => Promise<string>;
  /** Whether a disk that was attached still is. */
  readonly inUse: (device: string, file: string) => boolean;
  /** Runs a command for a directory where what opens the disk, too, finds what is in it. */
  readonly fillWith: (directory: string, argv: readonly string[]) => Promise<void>;
}

function onHost(backend: Backend): Subject {
  return { name: backend.name, open: () => openPlace(backend) };
}

async function openPlace(backend: Backend): Promise<Place> {
  const directory = mkdtempSync(path.join(tmpdir(), 'vlb-backend-'));
  const shell = good(await openRootShell());
  return {
    backend,
    shell,
    directory,
    newRun: () => new RunShell(shell, mkdtempSync(path.join(directory, 'attach-'))),
    lend: async (file) => file,
    inUse: (device) => {
      const sys = `/sys/block/${path.basename(device)}`;
      return existsSync(`${sys}/loop/backing_file`) || existsSync(`${sys}/pid`);
    },
    fillWith: async (_, argv) => {
      good(await shell.run(argv[0] === 'mount' ? ['outside', ...argv] : argv));
    },
    [Symbol.asyncDispose]: async () => {
      await shell[Symbol.asyncDispose]();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

async function openInGuest(): Promise<Place> {
  guest ??= startGuest(guestPlace, { kernel: applianceEnvironment()['SUPERMIN_KERNEL'] }).then(good);
  const running = await guest;
  const directory = mkdtempSync(path.join(tmpdir(), 'vlb-backend-'));
  const shell = good(await openGuestShell(running));
  good(await shell.files.makeDirectory(directory));
  const lent: AttachedDisk[] = [];
  const mounted: string[] = [];
  return {
    backend: vmBackend({}),
    shell,
    directory,
    newRun: () => new RunShell(shell, mkdtempSync(path.join(directory, 'attach-'))),
    lend: async (file) => {
      const disk = good(await lendFile(running, shell, file));
      lent.push(disk);
      return disk.device;
    },
    // Nobody but its user can open it then.
    inUse: (_, file) => spawnSync('qemu-img', ['check', '-q', file]).status !== 0,
    fillWith: async (place, [command = '', ...args]) => {
      execFileSync(command, args);
      if (command === 'mount') mounted.push(place);
    },
    [Symbol.asyncDispose]: async () => {
      for (const disk of lent) good(await disk.detach());
      await shell[Symbol.asyncDispose]();
      for (const place of mounted) execFileSync('umount', ['--lazy', place]);
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function good<T>(result: Result<T>): T {
  if (!result.ok) assert.fail(JSON.stringify(result.failure, undefined, 1));
  return result.value;
}
