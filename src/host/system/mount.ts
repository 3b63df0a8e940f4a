// Finds the operating system on a disk, mounts it with what belongs to it, and unmounts it again.

import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { fail, ok, type Result, type Where } from '../../model/failure.ts';
import type { MountedSystem, MountOptions } from '../../model/ports/machine.ts';
import { readVolumes, type Volume } from '../images/partitions.ts';
import type { RootShell } from '../root/root-shell.ts';

/** mount_system's exit status for a file system without an operating system. */
const NO_SYSTEM = 3;

/** mount_point's exit status where the image has something else at the path. */
export const WRONG_PLACE = 4;

/** The file systems that can hold the root of a Linux system, with the mount options to try for each. */
const SYSTEM_TYPES: Readonly<Record<string, readonly string[]>> = {
  // Finishing mkfs's lazy work would write zeros into the delta.
  ext4: ['noinit_itable'],
  ext3: [''],
  ext2: [''],
  // Clones of one disk have one UUID, and two of them may be mounted at once.
  xfs: ['nouuid'],
  // Distributions keep the root in a subvolume; the default one comes first.
  btrfs: ['', 'subvol=@', 'subvol=@rootfs', 'subvol=root'],
};

/**
 * Options that make writing faster while a script runs, where the file system supports them. They give up consistency
 * after a crash of the machine, which no run needs: its draft is thrown away in that case. The commit comes after the
 * unmount, which writes everything anyway. docs/performance.md has the gain of each option.
 */
const FAST: Readonly<Record<string, string>> = {
  ext4: 'nobarrier,commit=300,data=writeback,noauto_da_alloc',
};

/** The list of the mount points that had to be created, which are removed again at the end. */
export function madeList(directory: string): string {
  return path.join(directory, 'made');
}

/** The list of what is mounted inside the system by hints. */
function insideList(directory: string): string {
  return path.join(directory, 'inside');
}

/** The failure for a path that cannot be a mount point, with the message of mount_point. */
export function pointFailure(said: { readonly stderr: string }, where?: Where): Result<never> {
  return fail('work', `cannot use this as a mount point: ${said.stderr.trim()}`, where ? { where } : {});
}

/**
 * Mounts the root file system read-write, and the requested partitions inside it.
 * Fails as `work` when the disk has no operating system, or more than one.
 * @param directory the run's own directory
 */
export async function mountSystem(
  shell: RootShell,
  device: string,
  directory: string,
  options: MountOptions,
): Promise<Result<MountedSystem>> {
  const volumes = await readVolumes(shell, device);
  if (!volumes.ok) return volumes;
  const root = path.join(directory, 'root');
  mkdirSync(root);
  const mounted = await mountRoot(shell, volumes.value, root, options.rootPartition);
  if (!mounted.ok) return mounted;
  const byDepth = [...options.partitionMounts].sort((a, b) => a.target.length - b.target.length);
  for (const mount of byDepth) {
    const volume = volumes.value.find((candidate) => candidate.partition === mount.partition);
    if (!volume?.type) {
      return fail('work', `partition ${mount.partition} has no file system to mount at ${mount.target}`, {
        where: options.whereOf(mount.target),
        hint: describe(volumes.value),
      });
    }
    const done = await shell.run(
      [
        'mount_inside',
        root,
        volume.device,
        mount.target,
        volume.type,
        madeList(directory),
        insideList(directory),
      ],
      [0, WRONG_PLACE],
    );
    if (!done.ok) return done;
    if (done.value.status !== 0) return pointFailure(done.value, options.whereOf(mount.target));
  }
  return ok({ root });
}

/** Mounts the system on another layer's disk, read-only, at a path of a mounted system. Fails as `work` if it has no system. */
export async function mountLayerSystem(
  shell: RootShell,
  device: string,
  system: MountedSystem,
  target: string,
  directory: string,
): Promise<Result<void>> {
  const volumes = await readVolumes(shell, device);
  if (!volumes.ok) return volumes;
  for (const volume of volumes.value) {
    if (volume.type === 'btrfs') {
      return fail('work', 'a layer on btrfs cannot be mounted in another layer', {
        hint: 'deltas of one base are copies of one btrfs, and the kernel takes all copies for the same file system',
      });
    }
    for (const options of SYSTEM_TYPES[volume.type ?? ''] ?? []) {
      const argv = [
        'mount_layer',
        volume.device,
        volume.type ?? '',
        `ro,nodev,${options}`,
        system.root,
        target,
        madeList(directory),
        insideList(directory),
      ];
      const tried = await shell.run(argv, [0, NO_SYSTEM, WRONG_PLACE]);
      if (!tried.ok) return tried;
      if (tried.value.status === WRONG_PLACE) return pointFailure(tried.value);
      if (tried.value.status === 0) return ok();
    }
  }
  return noSystem(volumes.value, undefined);
}

/** Trims the file systems of a disk that is not mounted: what a script deleted must not stay in the delta. */
export async function trimVolumes(
  shell: RootShell,
  device: string,
  directory: string,
): Promise<Result<void>> {
  // The script may have created the partitions, and not every kernel notices.
  const nodes = await shell.run(['partx', '--update', device], [0, 1]);
  if (!nodes.ok) return nodes;
  const volumes = await readVolumes(shell, device);
  if (!volumes.ok) return volumes;
  const place = path.join(directory, 'trim');
  mkdirSync(place);
  for (const { device: node, type } of volumes.value) {
    // The kernel takes two clones of one btrfs, mounted at once, for one file system; trimming is not worth that risk.
    if (type === undefined || type === 'btrfs' || !(type in SYSTEM_TYPES)) continue;
    const options = `noatime,${SYSTEM_TYPES[type]?.[0] ?? ''}`.replace(/,$/, '');
    const done = await shell.run(['trim_volume', node, type, options, place]);
    if (!done.ok) return done;
  }
  return ok();
}

/** Trims and flushes every file system, then unmounts. Fails when something could not be written to the disk. */
export async function unmountSystem(
  shell: RootShell,
  system: MountedSystem,
  directory: string,
): Promise<Result<void>> {
  // What the script deleted must not stay in the delta.
  for (const step of [
    ['trim_all', system.root],
    ['unmount_all', system.root, madeList(directory)],
  ]) {
    const done = await shell.run(step);
    if (!done.ok) return done;
  }
  return ok();
}

async function mountRoot(
  shell: RootShell,
  volumes: readonly Volume[],
  root: string,
  wanted: number | undefined,
): Promise<Result<void>> {
  const candidates = volumes.filter(
    (volume) =>
      (wanted === undefined || volume.partition === wanted) && volume.type && volume.type in SYSTEM_TYPES,
  );
  const [single] = candidates;
  if (single && candidates.length === 1) {
    const mounted = await tryMount(shell, single, root, 'rw');
    if (!mounted.ok) return mounted;
    return mounted.value === undefined ? noSystem(volumes, wanted) : ok();
  }
  const found: { volume: Volume; options: string }[] = [];
  for (const volume of candidates) {
    // Read-only: the search must not write into the delta.
    const options = await tryMount(shell, volume, root, 'ro');
    if (!options.ok) return options;
    if (options.value === undefined) continue;
    found.push({ volume, options: options.value });
    const unmounted = await shell.run(['umount', root]);
    if (!unmounted.ok) return unmounted;
  }
  const [only] = found;
  if (!only) return noSystem(volumes, wanted);
  if (found.length > 1) {
    return fail(
      'work',
      `partitions ${found.map(({ volume }) => volume.partition).join(' and ')} each hold an operating system`,
      {
        hint: 'choose one with # vlb: root-partition N',
      },
    );
  }
  const mounted = await tryMount(shell, only.volume, root, 'rw');
  return mounted.ok ? ok() : mounted;
}

function noSystem(volumes: readonly Volume[], wanted: number | undefined): Result<never> {
  const message =
    wanted === undefined
      ? 'no operating system found on the disk'
      : `no operating system found on partition ${wanted}`;
  return fail('work', message, {
    hint: `${describe(volumes)}; vlb looks for /etc/os-release on ext4, xfs and btrfs; choose a partition with # vlb: root-partition N`,
  });
}

/** Mounts a volume if it has a system; returns the options that worked, or undefined, and then nothing is mounted. */
async function tryMount(
  shell: RootShell,
  volume: Volume,
  root: string,
  mode: 'ro' | 'rw',
): Promise<Result<string | undefined>> {
  for (const options of SYSTEM_TYPES[volume.type ?? ''] ?? []) {
    const tried = await shell.run(
      [
        'mount_system',
        volume.device,
        root,
        volume.type ?? '',
        `${mode},noatime,nodev,${options}`,
        ...(mode === 'rw' ? [FAST[volume.type ?? ''] ?? ''] : []),
      ],
      // A missing subvolume is not a failure; any other failed mount is.
      options.startsWith('subvol=') ? [0, 1, NO_SYSTEM] : [0, NO_SYSTEM],
    );
    if (!tried.ok) return tried;
    if (tried.value.status === 0) return ok(options);
  }
  return ok(undefined);
}

function describe(volumes: readonly Volume[]): string {
  const parts = volumes.map(({ partition, type }) =>
    partition === 0
      ? `the disk has no partition table and holds ${type ?? 'no known file system'}`
      : `p${partition} is ${type ?? 'unknown'}`,
  );
  return parts.join(', ');
}
