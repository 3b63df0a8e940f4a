// What is mounted inside a mounted system: what the hints request, and what the image's own fstab says.

import { fail, ok, type Result } from '../../model/failure.ts';
import type { MountOptions } from '../../model/ports/machine.ts';
import { describeVolumes, isVolume, type Volume } from '../images/partitions.ts';
import type * as agent from '../root/agent.ts';
import { copyOut } from '../root/agent-view.ts';
import type { RunShell } from '../root/run-shell.ts';
import { nameOf, type Trouble } from './damage.ts';
import { mountOf, subvolume as subvolumeOption } from './file-systems.ts';
import { mountsOf, parseFstab } from './fstab.ts';
import { stackedHint } from './stacked.ts';

/** A mount inside a mounted system. */
export interface InsideMount {
  readonly volume: Volume;
  readonly mount: agent.MountArguments;
  /** What it means that it cannot be mounted. */
  failed(trouble: Trouble): Result<void>;
}

/** The mounts of the hints. Fails as `work` when one is of a partition without a file system. */
export function requestedMounts(
  { partitionMounts, whereOf, viewed }: MountOptions,
  volumes: readonly Volume[],
): Result<readonly InsideMount[]> {
  const mounts: InsideMount[] = [];
  for (const { partition, subvolume, target } of partitionMounts) {
    const where = whereOf(target);
    const volume = volumes.find(
      (candidate) => candidate.disk === undefined && isVolume(candidate, partition),
    );
    if (!volume?.type) {
      if (viewed !== undefined) continue;
      const wanted = typeof partition === 'number' ? `partition ${partition}` : `the volume ${partition}`;
      return fail('work', `${wanted} has no file system to mount at ${target}`, {
        where,
        hint: describeVolumes(volumes),
      });
    }
    const { device, type } = volume;
    if (subvolume !== undefined && type !== 'btrfs') {
      return fail('work', `${nameOf(volume)} has no subvolume to mount at ${target}: only btrfs has`, {
        where,
      });
    }
    const failed = ({ why, hint, detail, kind }: Trouble) =>
      fail(kind, `cannot mount at ${target}: ${why}`, {
        where,
        ...(hint && { hint }),
        ...(detail?.length ? { detail } : {}),
      });
    const mount = mountOf({ device, target, type }, subvolumeOption(subvolume ?? ''));
    mounts.push({ volume, mount, failed });
  }
  return ok(mounts);
}

/** The mounts of the image's own fstab. Fails as `work` when one that is required is of no volume of the disk. */
export async function fstabMounts(
  run: RunShell,
  root: string,
  { fstab, partitionMounts, onNote }: MountOptions,
  volumes: readonly Volume[],
): Promise<Result<readonly InsideMount[]>> {
  if (fstab === 'ignored') return ok([]);
  const copy = run.file('fstab');
  const copied = await copyOut(run.shell, root, '/etc/fstab', copy);
  if (!copied.ok) return copied;
  if (copied.value !== 'file') return ok([]);
  const text = await run.shell.files.read(copy);
  if (!text.ok) return text;
  const taken = new Set(partitionMounts.map(({ target }) => target.replace(/\/+$/, '')));
  const mounts: InsideMount[] = [];
  for (const { line, volume, options } of mountsOf(parseFstab(text.value.toString()), volumes)) {
    const { target, source } = line;
    if (taken.has(target)) continue;
    const isOptional = fstab === 'tried' || line.options.includes('nofail');
    const failed = ({ why, hint, detail }: Pick<Trouble, 'why' | 'hint' | 'detail'>): Result<void> => {
      const message = `${target}, which line ${line.number} of the image's /etc/fstab mounts, cannot be mounted: ${why}`;
      const hints = [...(hint === undefined ? [] : [hint]), FSTAB_HINT].join('; or ');
      if (!isOptional) return fail('work', message, { hint: hints, ...(detail?.length ? { detail } : {}) });
      onNote?.(message);
      return ok();
    };
    if (volume?.type !== undefined) {
      const { device, type } = volume;
      mounts.push({ volume, mount: mountOf({ device, target, type }, options), failed });
      continue;
    }
    const why = volume ? `${source} has no file system` : `the disk has no ${source}`;
    const hint = stackedHint(run, volumes);
    const accepted = failed({ why, ...(hint === undefined ? {} : { hint }) });
    if (!accepted.ok) return accepted;
  }
  return ok(mounts);
}

const FSTAB_HINT =
  'add nofail to that line if the image works without it; or # vlb: fstab ignore to the script to mount nothing of it';
