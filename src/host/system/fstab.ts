// What the fstab of an image mounts from its own disk: fstab(5).

import type { DiskVolume } from '../../model/ports/machine.ts';

/** A line of an fstab. */
export interface FstabLine {
  /** From 1. */
  readonly number: number;
  readonly source: string;
  readonly target: string;
  readonly type: string;
  readonly options: readonly string[];
}

/** A line that mounts a file system of the disk, with the volume that it means; undefined if the disk has none like that. */
export interface FstabMount<V extends DiskVolume> {
  readonly line: FstabLine;
  readonly volume: V | undefined;
  /** The options of the line that decide what is mounted: a subvolume of btrfs. */
  readonly options: readonly string[];
}

/** Places that the chroot has file systems of its own at, or below. */
const OWN_PLACES = ['/proc', '/sys', '/dev', '/run', '/tmp', '/mnt'];

/** Sources that are devices: in other lines the name of a server, a directory or a word like tmpfs. */
const DEVICE = /^(\/dev\/|(UUID|LABEL|PARTUUID|PARTLABEL|ID)=)/;

/** The lines of an fstab, without comments and incomplete ones. */
export function parseFstab(text: string): readonly FstabLine[] {
  return text.split('\n').flatMap((line, index) => {
    const [source, target, type, options = 'defaults'] = line.trim().split(/[ \t]+/);
    if (source === undefined || source.startsWith('#') || target === undefined || type === undefined)
      return [];
    const place = unescaped(target).replace(/(?<=.)\/+$/, '');
    return [
      { number: index + 1, source: unescaped(source), target: place, type, options: options.split(',') },
    ];
  });
}

/**
 * What the lines mount apart from the root, in their order: not swap, what is mounted on demand, network and virtual file
 * systems, and bind mounts.
 * @param volumes of the disk
 */
export function mountsOf<V extends DiskVolume>(
  lines: readonly FstabLine[],
  volumes: readonly V[],
): readonly FstabMount<V>[] {
  return lines.filter(isMounted).map((line) => ({
    line,
    volume: volumeOf(line.source, volumes),
    options: line.options.filter((option) => /^subvol(id)?=/.test(option)),
  }));
}

function isMounted({ source, target, type, options }: FstabLine): boolean {
  const isOwn = OWN_PLACES.some((place) => target === place || target.startsWith(`${place}/`));
  const isSkipped = ['noauto', 'bind', 'rbind', '_netdev'].some((option) => options.includes(option));
  // No system has a directory like that, and what lists mounts goes by lines.
  if (/\p{Cc}/u.test(target)) return false;
  return (
    target.startsWith('/') && target !== '/' && !isOwn && !isSkipped && type !== 'swap' && DEVICE.test(source)
  );
}

/** The tag of blkid for each kind of name, as mount(8) and udev's links in /dev/disk have them. */
const TAGS: Readonly<Record<string, string>> = {
  UUID: 'UUID',
  LABEL: 'LABEL',
  PARTUUID: 'PART_ENTRY_UUID',
  PARTLABEL: 'PART_ENTRY_NAME',
};

/** The volume that a source of fstab(5) or crypttab(5) means; undefined if the disk has none like that. */
export function volumeOf<V extends DiskVolume>(source: string, volumes: readonly V[]): V | undefined {
  const [, kind = '', quoted = ''] =
    /^(\w+)=(.*)$/.exec(source) ?? /^\/dev\/disk\/by-(\w+)\/(.*)$/.exec(source) ?? [];
  const tag = TAGS[kind.toUpperCase()];
  if (tag !== undefined) {
    const wanted = quoted.replace(/^(["'])(.*)\1$/, '$2');
    // Identifiers are the same in capitals; labels are not.
    const isSame = (value: string) =>
      tag.endsWith('UUID') ? value.toLowerCase() === wanted.toLowerCase() : value === wanted;
    return volumes.find(({ tags }) => isSame(tags.get(tag) ?? ''));
  }
  const known = partitionIn(source);
  return volumes.find(
    ({ disk = 0, partition, name }) =>
      (known !== undefined && disk === known.disk && partition === known.partition) ||
      (name !== undefined && (source === mapped(name) || source === `/dev/${name}`)),
  );
}

/** The disk, from 0, and the partition in a name of a device, whatever the bus was when the image was made: /dev/vda2, /dev/nvme0n1p2. */
function partitionIn(source: string): { readonly disk: number; readonly partition: number } | undefined {
  const [, letter, number] = /^\/dev\/(?:[shv]|xv)d([a-z])(\d+)$/.exec(source) ?? [];
  if (letter !== undefined)
    return { disk: letter.charCodeAt(0) - 'a'.charCodeAt(0), partition: Number(number) };
  const [, disk, partition] = /^\/dev\/(?:nvme(\d+)n1|mmcblk(\d+))p(\d+)$/.exec(source)
    ? (/(\d+)(?:n1)?p(\d+)$/.exec(source) ?? [])
    : [];
  return disk === undefined ? undefined : { disk: Number(disk), partition: Number(partition) };
}

/** The device of a volume inside of another one, as the image names it: lvm(8) joins VG/LV by a hyphen, and doubles those in it. */
function mapped(name: string): string {
  return `/dev/mapper/${name.includes('/') ? name.replaceAll('-', '--').replace('/', '-') : name}`;
}

/** Blanks and backslashes are octal numbers: getmntent(3). */
function unescaped(field: string): string {
  return field.replace(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  );
}
