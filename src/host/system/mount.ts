// Finds the operating system on a disk, mounts it with what belongs to it, and unmounts it again.

import path from 'node:path';
import { type Failure, fail, ok, type Result, type Where } from '../../model/failure.ts';
import type { MountedSystem, MountOptions } from '../../model/ports/machine.ts';
import type { VolumeId } from '../../model/project.ts';
import { describeVolumes, isVolume, readVolumes, type Volume } from '../images/partitions.ts';
import * as agent from '../root/agent.ts';
import { addPartitions, dropPartitions } from '../root/agent-devices.ts';
import type { RootShell } from '../root/root-shell.ts';
import type { RunShell } from '../root/run-shell.ts';
import { explainDamage, explainErrors, explainRefusal, failWith, wordsOnUnknown } from './damage.ts';
import { emptyJournal } from './ext4-journal.ts';
import { fastOptions, mountOf, SYSTEM_TYPES, subvolume, systemRoots } from './file-systems.ts';
import { fstabMounts, requestedMounts } from './inside-mounts.ts';
import { checkNotStacked, namesOfLuks, openVolumes, renameLuks, stackedHint } from './stacked.ts';

/** The failure for a path that cannot be a mount point, with the reason as a clause. */
export function pointFailure(obstacle: string, where?: Where): Result<never> {
  return fail('work', `cannot use this as a mount point: ${obstacle}`, where ? { where } : {});
}

/** With all that is known of its volumes. */
export interface MountedVolumes extends MountedSystem {
  readonly volumes: readonly Volume[];
}

/**
 * Mounts the root file system read-write, and the requested partitions inside it.
 * Fails as `work` when the disk has no operating system, or more than one.
 */
export async function mountSystem(
  run: RunShell,
  device: string,
  options: MountOptions,
): Promise<Result<MountedVolumes>> {
  const { shell, lists } = run;
  const { further = [] } = options;
  const opened = await openVolumes(run, device, options);
  if (!opened.ok) return opened;
  if (further.length > 0) {
    const names = further.map(({ disk }) => `${path.basename(disk.device)}\n`).join('');
    const noted = await shell.files.write(run.file('further'), names);
    if (!noted.ok) return noted;
  }
  const root = run.file('root');
  const made = await shell.files.makeDirectory(root);
  if (!made.ok) return made;
  const first = await mountRoot(shell, opened.value, root, options);
  if (!first.ok) return withHint(first.failure, stackedHint(run, opened.value));
  const named = await nameLuks(run, opened.value, root, options);
  if (!named.ok) return named;
  const { volumes, mounted = first.value } = named.value;
  const requested = requestedMounts(options, volumes);
  if (!requested.ok) return requested;
  const usual = await fstabMounts(run, root, options, volumes);
  if (!usual.ok) return usual;
  const byDepth = [...usual.value, ...requested.value].sort(
    (a, b) => a.mount.target.length - b.mount.target.length,
  );
  const inside: string[] = [];
  const check = await shell.files.makeDirectory(run.file('check'));
  if (!check.ok) return check;
  for (const { volume, mount, failed } of byDepth) {
    const sound = await checkErrors(shell, volume, run.file('check'), options);
    if (!sound.ok) return sound;
    const tried = await agent.mountInside(shell, root, mount, lists);
    if (!tried.ok) return tried;
    if (!('refused' in tried.value)) {
      const { obstacle } = tried.value;
      const accepted =
        obstacle === undefined
          ? ok(void inside.push(mount.target))
          : failed({ kind: 'work', why: `it cannot be a mount point: ${obstacle}` });
      if (!accepted.ok) return accepted;
      continue;
    }
    const trouble = await explainRefusal(shell, volume, { ...mount, target: run.file('check') }, tried.value);
    if (!trouble.ok) return trouble;
    const accepted = failed(trouble.value);
    if (!accepted.ok) return accepted;
  }
  return ok({ root, disk: device, rootDevice: mounted.device, further, volumes, inside });
}

/** Has the volumes inside of LUKS named as the crypttab of the system on them says, which was mounted to read that, and is again then. */
async function nameLuks(
  run: RunShell,
  volumes: readonly Volume[],
  root: string,
  options: MountOptions,
): Promise<Result<{ readonly volumes: readonly Volume[]; readonly mounted?: Volume }>> {
  const names = await namesOfLuks(run, root, volumes);
  if (!names.ok) return names;
  if (names.value.length === 0) return ok({ volumes });
  const unmounted = await agent.unmount(run.shell, root);
  if (!unmounted.ok) return unmounted;
  const renamed = await renameLuks(run, volumes, names.value);
  if (!renamed.ok) return renamed;
  const { onNote: _noted, ...quietly } = options;
  const mounted = await mountRoot(run.shell, renamed.value, root, quietly);
  return mounted.ok ? ok({ volumes: renamed.value, mounted: mounted.value }) : mounted;
}

/** A failure with one more piece of advice before its own. */
function withHint(failure: Failure, hint: string | undefined): Result<never> {
  if (hint === undefined) return { ok: false, failure };
  return { ok: false, failure: { ...failure, hint: [hint, failure.hint].filter(Boolean).join('; ') } };
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
  const able = checkNotStacked(volumes.value);
  if (!able.ok) return able;
  for (const volume of volumes.value) {
    if (volume.type === 'btrfs') {
      return fail('work', 'a layer on btrfs cannot be mounted in another layer', {
        hint: 'deltas of one base are copies of one btrfs, and the kernel takes all copies for the same file system',
      });
    }
    for (const root of systemRoots(volume.type)) {
      const mount = mountOf({ device: volume.device, target, type: volume.type ?? '' }, [
        'ro',
        ...subvolume(root),
      ]);
      const tried = await agent.mountLayer(shell, system.root, mount, lists);
      if (!tried.ok) return tried;
      if (tried.value === 'mounted') return ok();
      if (tried.value === 'no-system') continue;
      if ('obstacle' in tried.value) return pointFailure(tried.value.obstacle);
      const place = { ...mount, target: `${system.root}.layer` };
      const made = await shell.files.makeDirectory(place.target);
      if (!made.ok) return made;
      const trouble = await explainRefusal(shell, volume, place, tried.value);
      return trouble.ok ? failWith(trouble.value, `cannot mount ${trouble.value.why}`) : trouble;
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
  const volumes = await openVolumes(run, device);
  if (!volumes.ok) return volumes;
  const target = run.file('trim');
  const made = await shell.files.makeDirectory(target);
  if (!made.ok) return made;
  for (const { device: node, type } of volumes.value) {
    // The kernel takes two clones of one btrfs, mounted at once, for one file system; trimming is not worth that risk.
    if (type === undefined || type === 'btrfs' || systemRoots(type).length === 0) continue;
    const hasJournal = await agent.trimVolume(shell, mountOf({ device: node, target, type }));
    if (!hasJournal.ok) return hasJournal;
    // How much the script wrote is unknown, so the journal is emptied in any case.
    if (hasJournal.value) await emptyJournal(shell, node);
  }
  return ok();
}

/**
 * Trims and flushes every file system, then unmounts. Fails when something could not be written to the disk.
 * @param isSmallest whether journals are emptied in any case
 */
export async function unmountSystem(
  { shell, lists }: RunShell,
  system: MountedSystem,
  isSmallest = false,
): Promise<Result<void>> {
  // What the script deleted must not stay in the delta.
  const trimmed = await agent.trimAll(shell, system.root);
  if (!trimmed.ok) return trimmed;
  const unmounted = await agent.unmountAll(shell, system.root, lists, isSmallest ? 1 : undefined);
  if (!unmounted.ok) return unmounted;
  const [damaged] = unmounted.value.damaged;
  if (damaged !== undefined) return explainDamage(shell, system, damaged);
  for (const device of unmounted.value.journals) await emptyJournal(shell, device);
  return ok();
}

/**
 * Fails as `work` for a file system in which the kernel found errors before, unless they are accepted; notes them then, and
 * if it is only possible that there are some.
 */
async function checkErrors(
  shell: RootShell,
  volume: Volume,
  target: string,
  { acceptsErrors, onNote }: MountOptions,
): Promise<Result<void>> {
  const found = await explainErrors(shell, volume, target);
  if (!found.ok || found.value === undefined) return found.ok ? ok() : found;
  if (found.value.isCertain && acceptsErrors !== true) return failWith(found.value, found.value.why);
  onNote?.(found.value.why);
  return ok();
}

async function mountRoot(
  shell: RootShell,
  volumes: readonly Volume[],
  root: string,
  options: MountOptions,
): Promise<Result<Volume>> {
  const { rootPartition: wanted, onNote } = options;
  const candidates = volumes.filter(
    (volume) =>
      volume.disk === undefined &&
      (wanted === undefined || isVolume(volume, wanted)) &&
      systemRoots(volume.type).length > 0,
  );
  const [single] = candidates;
  if (single && candidates.length === 1) {
    const sound = await checkErrors(shell, single, root, options);
    if (!sound.ok) return sound;
    const mounted = await tryMount(shell, single, root, 'rw');
    if (!mounted.ok) return mounted;
    return mounted.value ? ok(single) : whyNoSystem(shell, volumes, root, wanted);
  }
  const found: Volume[] = [];
  const refused: Failure[] = [];
  for (const volume of candidates) {
    // Read-only: the search must not write into the delta.
    const tried = await tryMount(shell, volume, root, 'ro');
    if (!tried.ok && tried.failure.kind !== 'work') return tried;
    if (!tried.ok) refused.push(tried.failure);
    if (!tried.ok || !tried.value) continue;
    found.push(volume);
    const unmounted = await agent.unmount(shell, root);
    if (!unmounted.ok) return unmounted;
  }
  const [only] = found;
  const [failure] = refused;
  if (!only && failure) return { ok: false, failure };
  if (!only) return whyNoSystem(shell, volumes, root, wanted);
  if (found.length > 1) {
    return fail(
      'work',
      `${found.map(({ partition, name }) => name ?? `partition ${partition}`).join(' and ')} each hold an operating system`,
      {
        hint: 'choose one with # vlb: root-partition N, or VG/LV',
      },
    );
  }
  for (const { message } of refused) onNote?.(message); // it is not mounted for the script, unless that fails later
  const sound = await checkErrors(shell, only, root, options);
  if (!sound.ok) return sound;
  const mounted = await tryMount(shell, only, root, 'rw');
  return mounted.ok ? ok(only) : mounted;
}

/** The failure where no file system has a system, with what the kernel says on those that blkid does not recognize. */
async function whyNoSystem(
  shell: RootShell,
  volumes: readonly Volume[],
  place: string,
  wanted: VolumeId | undefined,
): Promise<Result<never>> {
  const unknown = volumes.filter(
    (volume) => !volume.type && (wanted === undefined || isVolume(volume, wanted)),
  );
  const words = await wordsOnUnknown(shell, unknown, place);
  if (!words.ok) return words;
  const none = noSystem(volumes, wanted);
  if (none.ok || words.value.length === 0) return none;
  const hint = `${none.failure.hint}; if a superblock is damaged, e2fsck -b 32768 or xfs_repair on that partition of the image uses a copy of it`;
  return { ok: false, failure: { ...none.failure, hint, detail: words.value } };
}

function noSystem(volumes: readonly Volume[], wanted: VolumeId | undefined): Result<never> {
  const place = typeof wanted === 'number' ? `partition ${wanted}` : (wanted ?? 'the disk');
  const message = `no operating system found on ${place}`;
  return fail('work', message, {
    hint: `${describeVolumes(volumes)}; vlb looks for /etc/os-release on ${SYSTEM_TYPES}; choose a partition with # vlb: root-partition N`,
  });
}

/** Mounts a volume if it has a system, and returns whether it has. Fails as `work` where it cannot be mounted. */
async function tryMount(
  shell: RootShell,
  volume: Volume,
  target: string,
  mode: 'ro' | 'rw',
): Promise<Result<boolean>> {
  const { device, type = '' } = volume;
  for (const root of systemRoots(type)) {
    const mount = mountOf({ device, target, type }, [mode, ...subvolume(root)]);
    const fast = mode === 'rw' ? fastOptions(type) : undefined;
    const tried = await agent.mountSystem(shell, { ...mount, ...(fast === undefined ? {} : { fast }) });
    if (!tried.ok) return tried;
    if (tried.value === 'mounted') return ok(true);
    if (tried.value === 'no-system' || root !== '') continue; // not every subvolume is there
    const trouble = await explainRefusal(shell, volume, mount, tried.value);
    return trouble.ok ? failWith(trouble.value, `cannot mount ${trouble.value.why}`) : trouble;
  }
  return ok(false);
}
