// Grows the last partition of an attached disk, or another one with nothing behind it, and the file system in it.

import { fail, ok, type Result } from '../../model/failure.ts';
import { readVolumes, type Volume } from '../images/partitions.ts';
import * as agent from '../root/agent.ts';
import { growPartition, type PartitionTable, partitionTable } from '../root/agent-devices.ts';
import type { RootShell } from '../root/root-shell.ts';
import type { RunShell } from '../root/run-shell.ts';
import { explainRefusal, failWith } from './damage.ts';
import { mountOf } from './file-systems.ts';

/** The numbers of sectors in a table of type MBR have 32 bits. */
const MOST_MBR_SECTORS = 2 ** 32;

const GROWABLE = /^(ext[234]|xfs|btrfs)$/;

/**
 * Grows a partition and its file system to the end of the disk; without a partition table, the file system alone.
 * Fails as `usage`, with the obstacle, before anything is changed.
 * @param wanted the partition's number; by default the partition that is the last one on the disk
 */
export async function growDisk(
  run: RunShell,
  device: string,
  wanted: number | undefined,
): Promise<Result<void>> {
  const { shell } = run;
  const table = await partitionTable(shell, device);
  if (!table.ok) return table;
  const volumes = await readVolumes(shell, device);
  if (!volumes.ok) return volumes;
  const number = table.value ? choosePartition(table.value, volumes.value, wanted) : wholeDisk(wanted);
  if (!number.ok) return number;
  const volume = volumes.value.find(({ partition }) => partition === number.value);
  if (!volume?.type || !GROWABLE.test(volume.type)) {
    const holder = number.value === 0 ? 'the disk' : `partition ${number.value}`;
    return fail('usage', `${holder} holds ${contentOf(volume)}, which vlb cannot grow`, {
      hint: 'vlb grows ext4, xfs and btrfs; base.expand chooses a partition',
    });
  }
  if (table.value) {
    const grown = await growPartition(shell, device, number.value);
    if (!grown.ok) return grown;
  }
  const target = run.file('grow');
  const made = await shell.files.makeDirectory(target);
  return made.ok ? growFileSystem(shell, volume, { device: volume.device, type: volume.type, target }) : made;
}

async function growFileSystem(
  shell: RootShell,
  volume: Volume,
  place: Pick<agent.MountArguments, 'device' | 'type' | 'target'>,
): Promise<Result<void>> {
  if (/^ext/.test(place.type)) return agent.growVolume(shell, place);
  const mount = mountOf(place);
  const refused = await agent.mountVolume(shell, mount);
  if (!refused.ok) return refused;
  if (refused.value) {
    const trouble = await explainRefusal(shell, volume, mount, refused.value);
    return trouble.ok
      ? failWith({ ...trouble.value, kind: 'usage' }, `cannot mount ${trouble.value.why}`)
      : trouble;
  }
  const grown = await agent.growVolume(shell, place);
  return grown.ok ? agent.unmount(shell, place.target) : grown;
}

function wholeDisk(wanted: number | undefined): Result<number> {
  return wanted === undefined
    ? ok(0)
    : fail('usage', `there is no partition ${wanted}: the disk has no partition table`, {
        hint: 'remove base.expand from vlb.yaml',
      });
}

function choosePartition(
  { label, sectors, partitions }: PartitionTable,
  volumes: readonly Volume[],
  wanted: number | undefined,
): Result<number> {
  const byStart = [...partitions].sort((a, b) => a.start - b.start);
  const chosen = wanted === undefined ? byStart.at(-1) : byStart.find(({ number }) => number === wanted);
  if (!chosen) {
    const numbers = partitions.map(({ number }) => number).join(', ');
    const missing = wanted === undefined ? 'the disk has no partitions' : `there is no partition ${wanted}`;
    return fail('usage', missing, numbers === '' ? {} : { hint: `valid values of base.expand: ${numbers}` });
  }
  const cannot = (why: string) =>
    fail('usage', `partition ${chosen.number} cannot grow: ${why}`, { hint: MOVE });
  const behind = byStart.find(({ start }) => start > chosen.start);
  if (behind) {
    const content = contentOf(volumes.find(({ partition }) => partition === behind.number));
    return cannot(`partition ${behind.number} (${content}) is behind it`);
  }
  if (label === 'dos') {
    // The first four numbers are those of primary partitions, one of which contains the others.
    if (chosen.number > 4) return cannot('it is a logical partition, inside an extended one');
    if (sectors > MOST_MBR_SECTORS) return cannot('a partition table of type MBR ends at 2 TiB');
  }
  return ok(chosen.number);
}

const MOVE = 'use an image whose system is on the last partition, or resize it in a modify-disk layer';

function contentOf(volume: Volume | undefined): string {
  return volume?.type ?? 'no known file system';
}
