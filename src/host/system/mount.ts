// Finds the operating system on a disk, mounts it with what belongs to it, and unmounts it again.

import { fail, ok, type Result, type Where } from '../../model/failure.ts';
import type { MountedSystem, MountOptions } from '../../model/ports/machine.ts';
import { describeVolumes, readVolumes, type Volume } from '../images/partitions.ts';
import * as agent from '../root/agent.ts';
import { addPartitions, dropPartitions } from '../root/agent-devices.ts';
import type { RootShell } from '../root/root-shell.ts';
import type { RunShell } from '../root/run-shell.ts';
import { fstabMounts, requestedMounts } from './inside-mounts.ts';
import { emptyJournal } from './journal.ts';

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

/** The failure for a path that cannot be a mount point, with the reason as a clause. */
export function pointFailure(obstacle: string, where?: Where): Result<never> {
  return fail('work', `cannot use this as a mount point: ${obstacle}`, where ? { where } : {});
}

/**
 * Mounts the root file system read-write, and the requested partitions inside it.
 * Fails as `work` when the disk has no operating system, or more than one.
 */
export async function mountSystem(
  run: RunShell,
  device: string,
  options: MountOptions,
): Promise<Result<MountedSystem>> {
  const { shell, lists } = run;
  const volumes = await readVolumes(shell, device);
  if (!volumes.ok) return volumes;
  const root = run.file('root');
  const made = await shell.files.makeDirectory(root);
  if (!made.ok) return made;
  const mounted = await mountRoot(run, volumes.value, root, options.rootPartition);
  if (!mounted.ok) return mounted;
  const requested = requestedMounts(options, volumes.value);
  if (!requested.ok) return requested;
  const usual = await fstabMounts(run, root, options, volumes.value);
  if (!usual.ok) return usual;
  const byDepth = [...usual.value, ...requested.value].sort((a, b) => a.target.length - b.target.length);
  const inside: string[] = [];
  for (const { target, device, type, options, failed } of byDepth) {
    const tried = await agent.mountInside(shell, root, { device, target, type, options }, lists);
    if (!tried.ok) return tried;
    const { obstacle, refused } = tried.value;
    const why = obstacle === undefined ? refused : `it cannot be a mount point: ${obstacle}`;
    const accepted = why === undefined ? ok(void inside.push(target)) : failed(why);
    if (!accepted.ok) return accepted;
  }
  return ok({ root, disk: device, rootDevice: mounted.value.device, volumes: volumes.value, inside });
}

/** Mounts the system on another layer's disk, read-only, at a path of a mounted system. Fails as `work` if it has no system. */
export async function mountLayerSystem(
  { shell, lists }: RunShell,
  device: string,
  system: MountedSystem,
  target: string,
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
      const tried = await agent.mountLayer(
        shell,
        system.root,
        { device: volume.device, target, type: volume.type ?? '', options: `ro,nodev,${options}` },
        lists,
      );
      if (!tried.ok) return tried;
      if (typeof tried.value === 'object') return pointFailure(tried.value.obstacle);
      if (tried.value === 'mounted') return ok();
    }
  }
  return noSystem(volumes.value, undefined);
}

/** Trims the file systems of a disk that is not mounted: what a script deleted must not stay in the delta. */
export async function trimVolumes(run: RunShell, device: string): Promise<Result<void>> {
  const { shell } = run;
  // The script may have changed the partitions, and not every kernel notices.
  for (const adjust of [dropPartitions, addPartitions]) {
    const adjusted = await adjust(shell, device);
    if (!adjusted.ok) return adjusted;
  }
  const volumes = await readVolumes(shell, device);
  if (!volumes.ok) return volumes;
  const target = run.file('trim');
  const made = await shell.files.makeDirectory(target);
  if (!made.ok) return made;
  for (const { device: node, type } of volumes.value) {
    // The kernel takes two clones of one btrfs, mounted at once, for one file system; trimming is not worth that risk.
    if (type === undefined || type === 'btrfs' || !(type in SYSTEM_TYPES)) continue;
    const options = `noatime,${SYSTEM_TYPES[type]?.[0] ?? ''}`.replace(/,$/, '');
    const hasJournal = await agent.trimVolume(shell, { device: node, target, type, options });
    if (!hasJournal.ok) return hasJournal;
    // How much the script wrote is unknown, so the journal is emptied in any case.
    if (hasJournal.value) await emptyJournal(shell, node);
  }
  return ok();
}

/** Trims and flushes every file system, then unmounts. Fails when something could not be written to the disk. */
export async function unmountSystem(
  { shell, lists }: RunShell,
  system: MountedSystem,
): Promise<Result<void>> {
  // What the script deleted must not stay in the delta.
  const trimmed = await agent.trimAll(shell, system.root);
  if (!trimmed.ok) return trimmed;
  const journals = await agent.unmountAll(shell, system.root, lists);
  if (!journals.ok) return journals;
  for (const device of journals.value) await emptyJournal(shell, device);
  return ok();
}

async function mountRoot(
  { shell }: RunShell,
  volumes: readonly Volume[],
  root: string,
  wanted: number | undefined,
): Promise<Result<Volume>> {
  const candidates = volumes.filter(
    (volume) =>
      (wanted === undefined || volume.partition === wanted) && volume.type && volume.type in SYSTEM_TYPES,
  );
  const [single] = candidates;
  if (single && candidates.length === 1) {
    const mounted = await tryMount(shell, single, root, 'rw');
    if (!mounted.ok) return mounted;
    return mounted.value === undefined ? noSystem(volumes, wanted) : ok(single);
  }
  const found: { volume: Volume; options: string }[] = [];
  for (const volume of candidates) {
    // Read-only: the search must not write into the delta.
    const options = await tryMount(shell, volume, root, 'ro');
    if (!options.ok) return options;
    if (options.value === undefined) continue;
    found.push({ volume, options: options.value });
    const unmounted = await agent.unmount(shell, root);
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
  return mounted.ok ? ok(only.volume) : mounted;
}

function noSystem(volumes: readonly Volume[], wanted: number | undefined): Result<never> {
  const message =
    wanted === undefined
      ? 'no operating system found on the disk'
      : `no operating system found on partition ${wanted}`;
  return fail('work', message, {
    hint: `${describeVolumes(volumes)}; vlb looks for /etc/os-release on ext4, xfs and btrfs; choose a partition with # vlb: root-partition N`,
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
    const type = volume.type ?? '';
    const fast = mode === 'rw' ? FAST[type] : undefined;
    const tried = await agent.mountSystem(
      shell,
      {
        device: volume.device,
        target: root,
        type,
        options: `${mode},noatime,nodev,${options}`,
        ...(fast === undefined ? {} : { fast }),
      },
      // A missing subvolume is not a failure; any other failed mount is.
      options.startsWith('subvol='),
    );
    if (!tried.ok) return tried;
    if (tried.value === 'mounted') return ok(options);
  }
  return ok(undefined);
}
