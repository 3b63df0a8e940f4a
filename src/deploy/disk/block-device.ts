// A block device as a target: refused while something uses it, and while it holds something without --force.

import { constants, readdirSync, readFileSync, statSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import path from 'node:path';
import { fail, failAt, ok, type Result } from '../../model/failure.ts';
import type { Deployment } from '../../model/ports/deployer.ts';
import { systemError } from '../../util/errors.ts';
import { isFile, namesIn, textIfAny } from '../../util/fs.ts';
import { formatBytes } from '../../util/units.ts';
import type { DeployTools } from '../tools.ts';
import { type DeviceNode, signaturesIn, usersOf } from './in-use.ts';
import { type DiskWish, writeDisk } from './write.ts';

/** @param device its canonical path */
export async function prepareDevice(
  device: string,
  { force, full }: DiskWish,
  tools: DeployTools,
  signal: AbortSignal,
): Promise<Result<Deployment>> {
  const looked = await look(device, force, tools, signal);
  if (!looked.ok) return looked;
  await looked.value.held.close();
  return ok({
    needs: 'disk',
    steps: () => [`write the system disk to ${device}`, 'read it back and compare'],
    run: async (source, listener, signal) => {
      // A build may have taken an hour since the first look. From here on, nobody else can mount it.
      const again = await look(device, force, tools, signal);
      if (!again.ok) return { outcome: 'failed', failure: again.failure };
      const { held, signatures } = again.value;
      try {
        const room = deviceBytes(device);
        if (room < source.size) return { outcome: 'failed', failure: tooSmall(device, room, source.size) };
        // Some are behind the end of the disk, as those of RAID: the device would not be taken for what is written to it.
        const wiped =
          signatures.length === 0
            ? ok()
            : await tools.run('wipefs', ['--all', '--force', '--quiet', device], { signal });
        if (!wiped.ok) return { outcome: 'failed', failure: wiped.failure };
        const written = await writeDisk(
          source,
          { file: device, isDevice: true, full },
          tools,
          listener,
          signal,
        );
        if (!written.ok) return { outcome: 'failed', failure: written.failure };
      } finally {
        await held.close();
      }
      // The kernel reads the new partition table; what has no partitions, a logical volume for example, refuses that.
      await tools.run('blockdev', ['--rereadpt', device], { okStatuses: [0, 1] });
      return { outcome: 'deployed' };
    },
  });
}

function tooSmall(device: string, room: number, size: number) {
  return fail('usage', `the device has ${formatBytes(room)}, and the disk needs ${formatBytes(size)}`, {
    where: { file: device },
    hint: 'use a larger device, or build a smaller disk',
  }).failure;
}

/** A device that nothing else can use until it is closed. */
interface Held {
  readonly held: FileHandle;
  /** The types of what it holds. */
  readonly signatures: readonly string[];
}

/** Opens a device so that nothing else can use it, after it was found that nothing does. */
async function look(
  device: string,
  force: boolean,
  { run }: DeployTools,
  signal: AbortSignal,
): Promise<Result<Held>> {
  try {
    const users = usersOf(
      nodesOf(device),
      readFileSync('/proc/self/mountinfo', 'utf8'),
      textIfAny('/proc/swaps') ?? '',
    );
    if (users.length > 0) return inUse(device, users);
    if (textIfAny(path.join(directoryOf(device), 'ro'))?.trim() === '1') {
      return fail('usage', 'the device is read-only', { where: { file: device } });
    }
    const held = await open(device, constants.O_RDWR | constants.O_EXCL);
    const probed = await run('wipefs', ['--no-act', '--json', device], { signal });
    const signatures = probed.ok ? signaturesIn(probed.value.stdout) : [];
    if (probed.ok && (force || signatures.length === 0)) return ok({ held, signatures });
    await held.close();
    if (!probed.ok) return probed;
    return fail('usage', `the device holds something: ${signatures.join(', ')}`, {
      where: { file: device },
      hint: `see it with wipefs ${device}; to replace it, use --force`,
    });
  } catch (error) {
    const { code } = systemError(error);
    if (code === 'EBUSY') return inUse(device, ['the kernel uses it, or another program has it to itself']);
    const hint =
      code === 'EACCES' || code === 'EPERM' ? 'run vlb as root, or as a user who may write to it' : undefined;
    return failAt(device, 'cannot open the device', error, hint);
  }
}

function inUse(device: string, users: readonly string[]): ReturnType<typeof fail> {
  return fail('usage', 'the device is in use', {
    where: { file: device },
    detail: users,
    hint: 'unmount it, or stop what uses it; --force does not help here',
  });
}

function directoryOf(device: string): string {
  return `/sys/dev/block/${deviceNumber(device)}`;
}

/** The device and its partitions. Throws node's fs errors. */
function nodesOf(device: string): readonly DeviceNode[] {
  const directory = directoryOf(device);
  const partitions = readdirSync(directory)
    .map((name) => path.join(directory, name))
    .filter((place) => isFile(path.join(place, 'partition')) && isFile(path.join(place, 'dev')));
  return [
    {
      name: path.basename(device),
      number: deviceNumber(device),
      holders: namesIn(path.join(directory, 'holders')),
    },
    ...partitions.map((place) => ({
      name: path.basename(place),
      number: readFileSync(path.join(place, 'dev'), 'utf8').trim(),
      holders: namesIn(path.join(place, 'holders')),
    })),
  ];
}

/** The kernel counts in sectors of 512 bytes, whatever the device has. Throws node's fs errors. */
function deviceBytes(device: string): number {
  return Number(readFileSync(path.join(directoryOf(device), 'size'), 'utf8')) * 512;
}

/** The number of a device as the kernel writes it, `8:16`: see makedev(3). Throws node's fs errors. */
function deviceNumber(device: string): string {
  const { rdev } = statSync(device, { bigint: true });
  const major = ((rdev >> 8n) & 0xfffn) | ((rdev >> 32n) & ~0xfffn);
  const minor = (rdev & 0xffn) | ((rdev >> 12n) & ~0xffn & 0xffffffffn);
  return `${major}:${minor}`;
}
