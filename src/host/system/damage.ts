// Why a file system cannot be mounted, or should not be written to: in the words of the kernel, with what repairs it.

import { type Failure, fail, ok, type Result } from '../../model/failure.ts';
import type { MountedSystem } from '../../model/ports/machine.ts';
import type { Volume } from '../images/partitions.ts';
import * as agent from '../root/agent.ts';
import { readBytes } from '../root/agent-devices.ts';
import type { RootShell } from '../root/root-shell.ts';
import { mountOf, repairCommand, SYSTEM_TYPES } from './file-systems.ts';

/** The parts of a failure to mount; the caller says what it means. */
export interface Trouble extends Pick<Failure, 'hint' | 'detail' | 'kind'> {
  /** A clause, which begins with the partition and its file system. */
  readonly why: string;
}

/** `partition 1 (ext4)` */
export function nameOf({ partition, name, type }: Pick<Volume, 'partition' | 'name' | 'type'>): string {
  const place = name === undefined ? `partition ${partition}` : `volume ${name}`;
  return `${partition === 0 ? 'the disk' : place} (${type ?? 'unknown'})`;
}

/** Explains why mount(8) refused a volume. */
export async function explainRefusal(
  shell: RootShell,
  volume: Volume,
  mount: agent.MountArguments,
  { refused }: agent.Refusal,
): Promise<Result<Trouble>> {
  const { type = '' } = volume;
  const name = nameOf(volume);
  if (/unknown filesystem type/.test(refused)) {
    const hint = `this host's kernel has no ${type}: modprobe ${mount.type}`;
    return ok({ kind: 'host', why: `${name}: ${refused}`, hint });
  }
  const said = await agent.kernelWords(shell, mount);
  if (!said.ok) return said;
  const subvolume = /(?:^|,)(subvol(?:id)?=[^,]*)/.exec(mount.options)?.[1];
  if (subvolume !== undefined && /No such file or directory/.test(refused)) {
    return ok({ kind: 'work', why: `${name} has no ${subvolume}`, hint: 'check the name of the subvolume' });
  }
  const [first = refused, ...detail] = said.value.slice(0, 8);
  if (type === 'btrfs' && /File exists/.test(refused)) {
    const hint =
      'another copy of this btrfs is mounted on this machine: unmount it, or use Linux 6.7 or later';
    return ok({ kind: 'host', why: `${name}: ${refused}`, hint, detail });
  }
  return ok({ kind: 'work', why: `${name}: ${first}`, hint: repairHint(volume), detail });
}

function repairHint({ partition, name, type = '' }: Pick<Volume, 'partition' | 'name' | 'type'>): string {
  const part = name === undefined ? `partition ${partition}` : `volume ${name}`;
  const place = partition === 0 ? 'the image' : `${part} of the image`;
  return `repair it with ${repairCommand(type)} on ${place}, or use another image`;
}

/** s_state and s_feature_compat of ext4's superblock (super.rst of the kernel's documentation), which is at byte 1024. */
const STATE: Parameters<typeof readBytes>[2] = { offset: 1024 + 0x3a, length: 2 };
const UNMOUNTED = 1;
const ERRORS = 2;

/**
 * What the kernel only warns of when it mounts a file system: errors that it found earlier. Undefined if all is well.
 * @param target where it can be mounted to ask the kernel
 */
export async function explainErrors(
  shell: RootShell,
  volume: Volume,
  target: string,
): Promise<Result<(Trouble & { readonly isCertain: boolean }) | undefined>> {
  const { type = '', device } = volume;
  if (!/^ext[234]$/.test(type)) return ok(undefined);
  const bytes = await readBytes(shell, device, STATE);
  if (!bytes.ok) return bytes;
  const state = bytes.value.length < STATE.length ? UNMOUNTED : bytes.value.readUInt16LE();
  if (state === UNMOUNTED) return ok(undefined);
  // Of a mount to read only, the kernel does not say it.
  const said = await agent.kernelWords(shell, mountOf({ device, type, target }));
  if (!said.ok) return said;
  const isCertain = (state & ERRORS) !== 0;
  const what = isCertain ? 'has errors' : 'was not unmounted cleanly';
  const line = said.value.find((text) => /e2fsck/.test(text));
  const why = `${nameOf(volume)} ${what}${line === undefined ? '' : `: ${line}`}`;
  return ok({ kind: 'work', why, hint: repairHint(volume), isCertain });
}

/** The failure for a file system in which the kernel found errors while a script worked in it. */
export async function explainDamage(
  shell: RootShell,
  { volumes }: Pick<MountedSystem, 'volumes'>,
  device: string,
): Promise<Result<never>> {
  const said = await agent.lastError(shell, device);
  if (!said.ok) return said;
  const found = volumes.find((candidate) => candidate.device === device);
  const volume = { partition: 0, ...found, type: found?.tags.get('TYPE') ?? 'ext4' };
  const line = said.value === '' ? '' : `: ${said.value}`;
  return fail('work', `the kernel found errors in ${nameOf(volume)}${line}`, {
    hint: repairHint(volume),
  });
}

/** Returns what the kernel says on volumes in which blkid recognizes nothing, as file systems that can hold a system. */
export async function wordsOnUnknown(
  shell: RootShell,
  volumes: readonly Volume[],
  target: string,
): Promise<Result<readonly string[]>> {
  const lines: string[] = [];
  for (const { device, type, tags } of volumes) {
    if (type !== undefined || tags.get('PART_ENTRY_TYPE') === BIOS_BOOT) continue;
    for (const guess of SYSTEM_TYPES.split(/, | and /)) {
      const said = await agent.kernelWords(shell, mountOf({ device, type: guess, target }, ['ro']));
      if (!said.ok) return said;
      lines.push(...said.value.slice(0, 1));
    }
  }
  return ok(lines);
}

/** The type of the partition that holds the boot loader for BIOS, without a file system. */
const BIOS_BOOT = '21686148-6449-6e6f-744e-656564454649';

/** The failure with a message of the caller. */
export function failWith({ kind, hint, detail }: Trouble, message: string): ReturnType<typeof fail> {
  return fail(kind, message, { ...(hint && { hint }), ...(detail?.length ? { detail } : {}) });
}
