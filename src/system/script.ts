// An installation as shell: what runs on the host, with the empty disk, and what runs in a chroot of the installed system.

import {
  type Command,
  deviceOf,
  makeCommands,
  mountsInOrder,
  partitionScript,
  type Word,
} from '../disk-layout/commands.ts';
import { crypttabOf, fstabOf } from '../disk-layout/fstab.ts';
import type { Installing } from '../distro/bootstrap/port.ts';
import { SOURCES } from '../distro/bootstrap/registry.ts';
import { fed } from '../distro/shell-text.ts';
import { contentsOf, type PlannedDisk } from '../model/system/layout.ts';
import type { Installation } from '../model/system/system.ts';
import { quoteCommand, quoteWord } from '../util/quote.ts';

export interface SystemScripts {
  /** Run by `/bin/sh -eu` on the host as root, with two arguments: the disk, and a directory for downloads that are kept. */
  readonly host: string;
  /** Run by `/bin/sh -eu` in the chroot, with the variables of a build-layer. */
  readonly image: string;
  /** Prints the names of all packages, one a line, where `host` failed. Run likewise, with the directory for downloads as its argument. */
  readonly names: string;
}

/** @param architecture as Node names it */
export function systemScripts(installation: Installation, architecture: string): SystemScripts {
  const { system, disk } = installation;
  const further = installation.further.map((one) => one.disk);
  const bootstrap = SOURCES[system.distribution]?.bootstrap;
  if (!bootstrap) throw new Error(`${system.distribution} was checked before`);
  const installing: Installing = {
    system,
    disk,
    further,
    architecture,
    fstab: fstabOf([disk, ...further]),
    crypttab: (bootOptions) => crypttabOf([disk, ...further], bootOptions),
  };
  return {
    host: `umask 022
device=$1 kept=$2${further.map((_, index) => ` ${variableOf(index + 1)}=$${index + 3}`).join('')}
root=$TMPDIR/root
chmod 755 "$TMPDIR" # programs that download packages are users of their own

${diskLines([disk, ...further])}

${bootstrap.install(installing)}
sync --file-system "$root"
umount --recursive "$root"
`,
    image: `${bootstrap.finish(installing)}\n`,
    names: `kept=$1\n${bootstrap.names(installing)}\n`,
  };
}

/** The shell that divides the disk `"$device"` and further ones, `"$device2"` and so on, and mounts their file systems at `"$root"`. */
export function diskLines(disks: readonly PlannedDisk[]): string {
  const made = disks.flatMap((disk, index) => {
    if (disk.partitions.length === 0) return [];
    const device = `"$${variableOf(index)}"`;
    return [
      fed(`sfdisk --quiet --no-reread --no-tell-kernel ${device}`, partitionScript(disk)),
      `partx --update ${device}`,
      ...makeLines(disk, device),
    ];
  });
  return `# The disk. Not every kernel reads partition tables, so partx adds the partitions.
${[...made, ...mountLines(disks)].join('\n')}`;
}

/** The variable with the device of a disk, by its place in the list. */
function variableOf(index: number): string {
  return index === 0 ? 'device' : `device${index + 1}`;
}

function shellWord(word: Word, device: string): string {
  return typeof word === 'string' ? quoteWord(word) : `${device}p${word.partition}`;
}

function shellCommand({ words, secret }: Command, device: string): string {
  const line = words.map((word) => shellWord(word, device)).join(' ');
  return secret === undefined ? line : `${line} <"$VLB_SECRETS/${secret}"`;
}

function makeLines(disk: PlannedDisk, device: string): readonly string[] {
  const subvolumes = contentsOf(disk)
    .filter(({ content }) => content.subvolumes.length > 0)
    .flatMap((one) => [
      'mkdir -p "$root"',
      `mount -t btrfs ${shellWord(deviceOf(one), device)} "$root"`,
      ...one.content.subvolumes.map((name) => `btrfs --quiet subvolume create "$root"/${quoteWord(name)}`),
      'umount "$root"',
    ]);
  return [...makeCommands(disk).map((command) => shellCommand(command, device)), ...subvolumes];
}

/** What no package writes to is not mounted: not every kernel has vfat. */
function mountLines(disks: readonly PlannedDisk[]): readonly string[] {
  const devices = new Map(
    disks.flatMap((disk, index) =>
      mountsInOrder([disk]).map(({ target }) => [target, `"$${variableOf(index)}"`]),
    ),
  );
  return mountsInOrder(disks).flatMap(({ target, subvolume, of }) => {
    const place = `"$root"${target === '/' ? '' : quoteWord(target)}`;
    const make = `mkdir -p ${place}`;
    const { format } = of.content;
    if (format === 'vfat') return [make];
    const options = ['noatime', ...(format === 'xfs' ? ['nouuid'] : [])];
    if (subvolume !== undefined) options.push(`subvol=${subvolume}`);
    const words = ['mount', '-t', format, '-o', options.join(',')];
    return [make, `${quoteCommand(words)} ${shellWord(deviceOf(of), devices.get(target) ?? '')} ${place}`];
  });
}
