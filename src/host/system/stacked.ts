// Opens what is in the volumes of a disk: LUKS with the passphrases that a layer has, and LVM, in whichever order they are on each other.

import path from 'node:path';
import { fail, ok, type Result } from '../../model/failure.ts';
import type { MountOptions } from '../../model/ports/machine.ts';
import { parseVolumes, readVolumes, type Volume } from '../images/partitions.ts';
import { openGroups, openLuks, probeVolumes, renameMapped } from '../root/agent-devices.ts';
import { copyOut } from '../root/agent-view.ts';
import type { RunShell } from '../root/run-shell.ts';
import { volumeOf } from './fstab.ts';

/** How often one kind of volume may be in another one. */
const MOST_LAYERS = 4;

/** The types, by blkid, of volumes that hold other volumes. */
const LUKS = 'crypto_LUKS';
const LVM = 'LVM2_member';

/** Names of LVM: lvm(8), "valid names". They become those of links in /dev. */
const NAME = /^[\w+.][\w+.-]*\/[\w+.][\w+.-]*$/;

/** What is accepted as a name in a crypttab, for the same reason. The kernel takes 127 bytes. */
const MAPPED = /^(?!control$)[\w+][\w+.:@-]{0,126}$/;

/** The end of the names of volume groups on a disk that is looked at beside another one. */
const BESIDE = '.beside';

/** Whether a volume holds others. */
export function isStacked({ type }: Pick<Volume, 'type'>): boolean {
  return type === LUKS || type === LVM;
}

/**
 * Returns the volumes of an attached disk, and of further ones. Where the run has a kernel of its own, those inside of others too, opened; LUKS as far as a
 * passphrase fits. Fails as `host` with what LVM or cryptsetup says.
 */
export async function openVolumes(
  run: RunShell,
  device: string,
  { passphrases = [], viewed, further = [] }: Pick<MountOptions, 'passphrases' | 'viewed' | 'further'> = {},
): Promise<Result<readonly Volume[]>> {
  const { shell } = run;
  const direct = await readVolumes(shell, device);
  if (!direct.ok) return direct;
  const volumes = [...direct.value];
  for (const [index, { disk }] of further.entries()) {
    const read = await readVolumes(shell, disk.device);
    if (!read.ok) return read;
    volumes.push(...read.value.map((volume) => ({ ...volume, disk: index + 1 })));
  }
  if (!run.hasOwnKernel) return ok(volumes);
  const opened = new Set<Volume>();
  for (let layer = 0; layer < MOST_LAYERS; layer++) {
    const closed = volumes.filter((volume) => isStacked(volume) && !opened.has(volume));
    if (closed.length === 0) break;
    for (const volume of closed) opened.add(volume);
    const inside = new Map<string, Pick<Volume, 'name' | 'luks'>>();
    for (const volume of closed.filter(({ type }) => type === LUKS)) {
      const name = await open(run, volume, passphrases);
      if (!name.ok) return name;
      const luks = volume.tags.get('UUID') ?? '';
      if (name.value !== undefined) inside.set(`/dev/mapper/${name.value}`, { name: name.value, luks });
    }
    const members = closed.filter(({ type }) => type === LVM);
    if (members.length > 0) {
      // With those of before: a group may have volumes on both.
      const all = volumes.filter(({ type }) => type === LVM).map((volume) => volume.device);
      const suffix = viewed === 'beside' ? BESIDE : '';
      const active = await openGroups(shell, all, suffix);
      if (!active.ok) return active;
      for (const { device: node, name: known } of active.value) {
        const name = known.replace(`${suffix}/`, '/');
        if (NAME.test(name) && !volumes.some((volume) => volume.device === node)) inside.set(node, { name });
      }
    }
    if (inside.size === 0) continue;
    const probed = await probeVolumes(shell, [...inside.keys()]);
    if (!probed.ok) return probed;
    const found = parseVolumes(probed.value, device);
    for (const volume of found) {
      const node = `dm-${(volume.number ?? 0) % 256}`;
      volumes.push({ ...volume, name: '', ...inside.get(volume.device), node });
    }
  }
  const nodes = volumes.flatMap(({ node }) => (node === undefined ? [] : `${node}\n`));
  const written = nodes.length === 0 ? ok() : await shell.files.write(run.file('stacked'), nodes.join(''));
  return written.ok ? ok(volumes) : written;
}

/** Opens a LUKS volume. Returns its name; undefined if no passphrase fits. */
async function open(
  run: RunShell,
  { device, tags }: Volume,
  passphrases: readonly Buffer[],
): Promise<Result<string | undefined>> {
  if (passphrases.length === 0) return ok(undefined);
  const files: string[] = [];
  for (const [index, passphrase] of passphrases.entries()) {
    const file = run.file(`passphrase-${index}`);
    const written = await run.shell.write(file, passphrase);
    if (!written.ok) return written;
    files.push(file);
  }
  const name = `luks-${(tags.get('UUID') ?? '').replace(/[^\w-]/g, '')}`;
  const opened = await openLuks(run.shell, device, name, files);
  return opened.ok ? ok(opened.value ? name : undefined) : opened;
}

/** The lines of an image's crypttab for those of its volumes that are open: which name each has, and which it should have. */
interface Renamed {
  readonly volume: Volume;
  readonly name: string;
}

/** Returns the names that the crypttab of a mounted system gives its open LUKS volumes, where they have others. Fails as `host`. */
export async function namesOfLuks(
  run: RunShell,
  root: string,
  volumes: readonly Volume[],
): Promise<Result<readonly Renamed[]>> {
  if (!volumes.some(({ luks }) => luks !== undefined)) return ok([]);
  const copy = run.file('crypttab');
  const copied = await copyOut(run.shell, root, '/etc/crypttab', copy);
  if (!copied.ok) return copied;
  if (copied.value !== 'file') return ok([]);
  const text = await run.shell.files.read(copy);
  if (!text.ok) return text;
  const renamed: Renamed[] = [];
  for (const line of text.value.toString().split('\n')) {
    const [name = '', source] = line.trim().split(/[ \t]+/);
    if (source === undefined || !MAPPED.test(name)) continue;
    const outer = volumeOf(source, volumes);
    const volume = volumes.find(({ luks }) => luks !== undefined && luks === outer?.tags.get('UUID'));
    const isFree = ![...volumes, ...renamed].some((other) => path.basename(other.name ?? '') === name);
    if (volume && isFree) renamed.push({ volume, name });
  }
  return ok(renamed);
}

/** Gives volumes that are not mounted other names. Returns all volumes. Fails as `host`. */
export async function renameLuks(
  { shell }: RunShell,
  volumes: readonly Volume[],
  renamed: readonly Renamed[],
): Promise<Result<readonly Volume[]>> {
  for (const { volume, name } of renamed) {
    const done = await renameMapped(shell, path.basename(volume.device), name);
    if (!done.ok) return done;
  }
  const all = volumes.map((volume) => {
    const name = renamed.find((one) => one.volume === volume)?.name;
    return name === undefined ? volume : { ...volume, name, device: `/dev/mapper/${name}` };
  });
  return ok(all);
}

/** What to do where a system is not found on the volumes that are known; undefined if they hold no others. */
export function stackedHint(run: RunShell, volumes: readonly Volume[]): string | undefined {
  if (!volumes.some(isStacked)) return undefined;
  if (!run.hasOwnKernel) return 'a layer with LVM or LUKS is built by the backend vm: --backend vm';
  const isOpen = ({ tags }: Volume) => volumes.some(({ luks }) => luks === tags.get('UUID'));
  const closed = volumes.find((volume) => volume.type === LUKS && !isOpen(volume));
  return closed && 'its LUKS needs a passphrase: # vlb: passphrase NAME, of a secret';
}

/** Fails as `work` for a disk whose volumes are named as those of another disk of the run may be. */
export function checkNotStacked(volumes: readonly Volume[]): Result<void> {
  if (!volumes.some(isStacked)) return ok();
  return fail('work', 'a layer on LVM or LUKS cannot be mounted in another layer', {
    hint: 'deltas of one base are copies, and the kernel takes all copies of a volume group for the same one',
  });
}
