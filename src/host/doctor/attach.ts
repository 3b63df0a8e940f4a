// Does for a tiny disk what a build does for a layer's, as root in namespaces: what works here works there.

import { existsSync } from 'node:fs';
import path from 'node:path';
import type { Failure, Result } from '../../model/failure.ts';
import type { Finding } from '../../model/ports/checkup.ts';
import { fuseBackend } from '../attach/fuse.ts';
import { qemuImg } from '../images/qemu-img.ts';
import { packageHint } from '../process/packages.ts';
import { isInstalled, lastLines, run } from '../process/run.ts';
import { makeScratch } from '../process/scratch.ts';
import { isRoot, SUDO_HINT } from '../process/sudo.ts';
import { openRootShell, type RootShell } from '../root/root-shell.ts';

const COMMON = { group: 'vlb build', needed: true } as const;
const TINY_BYTES = 1024 * 1024;

/** What these need to be tried at all. */
const SHELL_TOOLS = ['unshare', 'mount'];
const DISK_TOOLS = ['qemu-img', 'qemu-storage-daemon', 'losetup', 'partx'];

/**
 * Root's rights, namespaces, the devices, and an attached disk, each tried for real; what cannot be tried since
 * something before it is missing is left out.
 */
export async function tryAttaching(): Promise<readonly Finding[]> {
  const root = await tryRoot();
  if (root.state !== 'ok' || !SHELL_TOOLS.every(isInstalled)) return [root, ...lookForDevices()];
  const opened = await openRootShell();
  if (!opened.ok) return [root, namespaces(opened), ...lookForDevices()];
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
  if (asked.ok) return { ...common, state: 'ok', detail: 'asks for no password' };
  return {
    ...common,
    state: 'problem',
    detail: asked.failure.detail?.at(-1) ?? asked.failure.message,
    cure: SUDO_HINT,
  };
}

function namespaces(opened: Result<RootShell>): Finding {
  const common = { ...COMMON, name: 'namespaces', purpose: 'end all that a build has attached when it ends' };
  return opened.ok ? { ...common, state: 'ok' } : { ...common, ...problem(opened.failure) };
}

const FUSE = { ...COMMON, name: '/dev/fuse', purpose: 'takes the file that qemu-storage-daemon shows' };
const LOOP = { ...COMMON, name: 'loop devices', purpose: 'make a block device of that file' };

/** As far as it can be told without root. */
function lookForDevices(): Finding[] {
  const found = [missingNode(FUSE, '/dev/fuse', 'fuse'), missingNode(LOOP, '/dev/loop-control', 'loop')];
  return found.filter((finding) => finding !== undefined);
}

async function tryFuse(shell: RootShell): Promise<Finding> {
  const missing = missingNode(FUSE, '/dev/fuse', 'fuse');
  if (missing) return missing;
  const opened = await shell.run(['dd', 'if=/dev/fuse', 'of=/dev/null', 'count=0']);
  return opened.ok ? { ...FUSE, state: 'ok' } : { ...FUSE, ...cannotOpen(opened.failure, 'fuse') };
}

async function tryLoop(shell: RootShell): Promise<Finding> {
  const missing = missingNode(LOOP, '/dev/loop-control', 'loop');
  if (missing) return missing;
  const free = await shell.run(['losetup', '--find']);
  if (!free.ok) return { ...LOOP, ...cannotOpen(free.failure, 'loop') };
  const device = free.value.stdout.trim();
  if (existsSync(device)) return { ...LOOP, state: 'ok' };
  return {
    ...LOOP,
    state: 'problem',
    detail: `the next free one is ${device}, and it is not in /dev`,
    cure: `mknod ${device} b 7 ${device.replace(/\D/g, '')}; or give the container the host's /dev`,
  };
}

function missingNode(about: typeof FUSE, node: string, module: string): Finding | undefined {
  if (existsSync(node)) return undefined;
  return { ...about, state: 'missing', detail: `there is no ${node}`, cure: cureOf(module) };
}

function cannotOpen(failure: Failure, module: string): Pick<Finding, 'state' | 'detail' | 'cure'> {
  return { ...problem(failure), cure: cureOf(module) };
}

function cureOf(module: string): string {
  return `modprobe ${module}; a container has to be given the device by whoever starts it`;
}

/** The whole way of a layer's disk: a FUSE export, a loop device on it, and back. */
async function tryDisk(shell: RootShell): Promise<Finding> {
  const common = { ...COMMON, name: 'FUSE export', purpose: 'a tiny disk was attached as a build does it' };
  const attached = await attachTiny(shell);
  return attached.ok ? { ...common, state: 'ok' } : { ...common, ...problem(attached.failure) };
}

async function attachTiny(shell: RootShell): Promise<Result<void>> {
  const scratch = makeScratch();
  if (!scratch.ok) return scratch;
  using directory = scratch.value;
  const image = path.join(directory.path, 'tiny.qcow2');
  const made = await qemuImg.create(image, { size: TINY_BYTES });
  if (!made.ok) return made;
  const disk = await fuseBackend.attach(shell, image, directory.path);
  return disk.ok ? disk.value.detach() : disk;
}

function problem({ message, detail = [], hint }: Failure): Pick<Finding, 'state' | 'detail' | 'cure'> {
  const said = lastLines(detail.join('\n'), 3).join('; ');
  return {
    state: 'problem',
    detail: said === '' ? message : `${message}: ${said}`,
    ...(hint === undefined ? {} : { cure: hint }),
  };
}
