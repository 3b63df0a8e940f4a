// Attaches a tiny disk exactly as a build attaches a layer's disk, as root in namespaces.

import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Failure, Result } from '../../model/failure.ts';
import type { Finding } from '../../model/ports/checkup.ts';
import { fuseBackend, missingLoop } from '../attach/fuse.ts';
import { qemuImg } from '../images/qemu-img.ts';
import { packageHint } from '../process/packages.ts';
import { isInstalled, lastLines, run } from '../process/run.ts';
import { makeScratch } from '../process/scratch.ts';
import { isRoot, SUDO_HINT } from '../process/sudo.ts';
import { freeLoop, tryOpening } from '../root/agent-devices.ts';
import { openRootShell, type RootShell } from '../root/root-shell.ts';
import { RunShell } from '../root/run-shell.ts';

const COMMON = { group: 'vlb build', needed: true } as const;
const TINY_BYTES = 1024 * 1024;

/** The tools without which there is nothing to try. */
const SHELL_TOOLS = ['unshare', 'mount'];
const DISK_TOOLS = ['qemu-img', 'qemu-storage-daemon', 'nsenter', 'losetup', 'partx'];

/**
 * Tries root's rights, namespaces, the devices, and attaching a disk, in this order. What depends on something that failed
 * is not tried and not in the result.
 */
export async function tryAttaching(): Promise<readonly Finding[]> {
  const root = await tryRoot();
  if (root.state !== 'ok' || !SHELL_TOOLS.every(isInstalled)) return [root, ...missingDevices()];
  const opened = await openRootShell();
  if (!opened.ok) return [root, namespaces(opened), ...missingDevices()];
  await using shell = opened.value;
  const devices = [await tryFuse(shell), await tryLoop(shell)];
  const tried = [root, namespaces(opened), ...devices];
  if (devices.some(({ state }) => state !== 'ok') || !DISK_TOOLS.every(isInstalled)) return tried;
  return [...tried, await tryDisk(shell)];
}

async function tryRoot(): Promise<Finding> {
  const common = { ...COMMON, name: isRoot() ? 'root' : 'sudo', purpose: 'attaches and mounts disks' };
  if (isRoot()) return { ...common, state: 'ok' };
  if (!isInstalled('sudo')) {
    return { ...common, state: 'missing', cure: `${packageHint('sudo')}; or run vlb as root` };
  }
  const asked = await run('sudo', ['-n', '--', 'true']);
  if (asked.ok) return { ...common, state: 'ok', detail: 'no password required' };
  return {
    ...common,
    state: 'problem',
    detail: asked.failure.detail?.at(-1) ?? asked.failure.message,
    cure: SUDO_HINT,
  };
}

function namespaces(opened: Result<RootShell>): Finding {
  const common = { ...COMMON, name: 'namespaces', purpose: 'detach everything when a build ends' };
  return opened.ok ? { ...common, state: 'ok' } : { ...common, ...problem(opened.failure) };
}

const FUSE = { ...COMMON, name: '/dev/fuse', purpose: 'lets qemu-storage-daemon export a disk as a file' };
const LOOP = { ...COMMON, name: 'loop devices', purpose: 'turn that file into a block device' };

/** What can be found out without root. */
function missingDevices(): Finding[] {
  const found = [missingNode(FUSE, '/dev/fuse', 'fuse'), missingNode(LOOP, '/dev/loop-control', 'loop')];
  return found.filter((finding) => finding !== undefined);
}

async function tryFuse(shell: RootShell): Promise<Finding> {
  const missing = missingNode(FUSE, '/dev/fuse', 'fuse');
  if (missing) return missing;
  const opened = await tryOpening(shell, '/dev/fuse');
  return opened.ok ? { ...FUSE, state: 'ok' } : { ...FUSE, ...cannotOpen(opened.failure, 'fuse') };
}

async function tryLoop(shell: RootShell): Promise<Finding> {
  const missing = missingNode(LOOP, '/dev/loop-control', 'loop');
  if (missing) return missing;
  const free = await freeLoop(shell);
  if (!free.ok) return { ...LOOP, ...cannotOpen(free.failure, 'loop') };
  const absent = await missingLoop(shell);
  return absent ? { ...LOOP, ...problem(absent.failure) } : { ...LOOP, state: 'ok' };
}

function missingNode(about: typeof FUSE, node: string, module: string): Finding | undefined {
  if (existsSync(node)) return undefined;
  return { ...about, state: 'missing', detail: `${node} does not exist`, cure: cureOf(module) };
}

function cannotOpen(failure: Failure, module: string): Pick<Finding, 'state' | 'detail' | 'cure'> {
  return { ...problem(failure), cure: cureOf(module) };
}

function cureOf(module: string): string {
  return `modprobe ${module}; in a container, pass the device when starting it`;
}

/** Attaches a disk with a partition (a FUSE export and a loop device on it), opens the partition, and detaches it again. */
async function tryDisk(shell: RootShell): Promise<Finding> {
  const common = { ...COMMON, name: 'FUSE export', purpose: 'attaches disks (tried with a tiny one)' };
  const tried = await tryTiny(shell);
  return tried.ok ? { ...common, state: 'ok' } : { ...common, ...problem(tried.failure) };
}

async function tryTiny(shell: RootShell): Promise<Result<void>> {
  const scratch = makeScratch();
  if (!scratch.ok) return scratch;
  using directory = scratch.value;
  const [raw, image] = [path.join(directory.path, 'tiny.raw'), path.join(directory.path, 'tiny.qcow2')];
  const written = await shell.files.write(raw, tinyDisk());
  if (!written.ok) return written;
  const made = await qemuImg.convert(raw, 'raw', image, AbortSignal.timeout(60_000));
  if (!made.ok) return made;
  const disk = await fuseBackend.attach(new RunShell(shell, directory.path), image);
  if (!disk.ok) return disk;
  const opened = await tryOpening(shell, `${disk.value.device}p1`);
  const detached = await disk.value.detach();
  return opened.ok ? detached : opened;
}

/** A disk with one partition, in a table of type MBR: of the fields only the type and the two numbers of sectors count. */
function tinyDisk(): Buffer {
  const disk = Buffer.alloc(TINY_BYTES);
  const [entry, first] = [446, 8];
  disk[entry + 4] = 0x83;
  disk.writeUInt32LE(first, entry + 8);
  disk.writeUInt32LE(TINY_BYTES / 512 - first, entry + 12);
  disk.writeUInt16LE(0xaa55, 510);
  return disk;
}

function problem({ message, detail = [], hint }: Failure): Pick<Finding, 'state' | 'detail' | 'cure'> {
  const output = lastLines(detail.join('\n'), 3).join('; ');
  return {
    state: 'problem',
    detail: output === '' ? message : `${message}: ${output}`,
    ...(hint === undefined ? {} : { cure: hint }),
  };
}
