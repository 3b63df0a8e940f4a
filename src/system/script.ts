// An installation as shell: what runs on the host, with the empty disk, and what runs in a chroot of the installed system.

import { makeCommands, mountsInOrder, partitionScript } from '../disk-layout/commands.ts';
import { fstabOf } from '../disk-layout/fstab.ts';
import type { Installing } from '../distro/bootstrap/port.ts';
import { SOURCES } from '../distro/bootstrap/registry.ts';
import { fed } from '../distro/shell-text.ts';
import type { PlannedDisk } from '../model/system/layout.ts';
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
  const bootstrap = SOURCES[system.distribution]?.bootstrap;
  if (!bootstrap) throw new Error(`${system.distribution} was checked before`);
  const installing: Installing = { system, disk, architecture, fstab: fstabOf([disk]) };
  return {
    host: `umask 022
device=$1 kept=$2
root=$TMPDIR/root
chmod 755 "$TMPDIR" # programs that download packages are users of their own

# The disk. Not every kernel reads partition tables, so partx adds the partitions.
${fed('sfdisk --quiet --no-reread --no-tell-kernel "$device"', partitionScript(disk))}
partx --update "$device"
${makeLines(disk).join('\n')}
${mountLines(disk).join('\n')}

${bootstrap.install(installing)}
sync --file-system "$root"
umount --recursive "$root"
`,
    image: `${bootstrap.finish(installing)}\n`,
    names: `kept=$1\n${bootstrap.names(installing)}\n`,
  };
}

/** A partition as a word in double quotes. */
function partition(number: number): string {
  return `"$device"p${number}`;
}

function makeLines(disk: PlannedDisk): readonly string[] {
  const place = 'DEVICE';
  const commands = makeCommands(disk, (number) => `${place}${number}`).map((words) =>
    words
      .map((word, index) =>
        index === words.length - 1 ? partition(Number(word.slice(place.length))) : quoteWord(word),
      )
      .join(' '),
  );
  const subvolumes = disk.partitions.flatMap(({ number, content }) =>
    content && content.subvolumes.length > 0
      ? [
          'mkdir -p "$root"',
          `mount -t btrfs ${partition(number)} "$root"`,
          ...content.subvolumes.map((name) => `btrfs --quiet subvolume create "$root"/${quoteWord(name)}`),
          'umount "$root"',
        ]
      : [],
  );
  return [...commands, ...subvolumes];
}

/** What no package writes to is not mounted: not every kernel has vfat. */
function mountLines(disk: PlannedDisk): readonly string[] {
  return mountsInOrder(disk).flatMap(({ target, subvolume, partition: { number, content } }) => {
    const place = `"$root"${target === '/' ? '' : quoteWord(target)}`;
    const make = `mkdir -p ${place}`;
    if (!content || content.format === 'vfat') return [make];
    const options = ['noatime', ...(content.format === 'xfs' ? ['nouuid'] : [])];
    if (subvolume !== undefined) options.push(`subvol=${subvolume}`);
    const words = ['mount', '-t', content.format, '-o', options.join(',')];
    return [make, `${quoteCommand(words)} ${partition(number)} ${place}`];
  });
}
