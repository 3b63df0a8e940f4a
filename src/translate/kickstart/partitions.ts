// The storage commands of a kickstart as the partitions of one disk, and the sizes that a script of %pre gives them.

import type { Place } from '../../kickstart/parse.ts';
import { nearest } from '../../util/nearest.ts';
import type { Given, Rule } from './commands.ts';

/** One partition, as a layer.yaml has it, with its place in the kickstart. */
export interface Partition {
  readonly fields: Readonly<Record<string, unknown>>;
  readonly place: Place;
  /** In MiB, what it has at least. */
  readonly size: number;
  readonly grows: boolean;
  /** Its number on a disk that a script of %pre has divided. */
  readonly onpart: number | undefined;
}

const MIB = 1024 * 1024;
const FORMATS: Readonly<Record<string, string>> = {
  ext3: 'ext3',
  ext4: 'ext4',
  xfs: 'xfs',
  btrfs: 'btrfs',
  vfat: 'vfat',
  efi: 'vfat',
  swap: 'swap',
};

/** What vlb itself adds for the firmware. */
const FIRMWARE_PARTS = ['biosboot', 'prepboot', 'appleboot'];

const EMPTY = 'the disk is empty, and the only one';
/** Why LVM and others are not made, and what to write. */
const NO_LVM = 'vlb makes no LVM on an empty disk: write "part" for each file system';
const NO_CRYPT = 'vlb encrypts no partition of an empty disk: leave --encrypted out';

export class Storage {
  readonly partitions: Partition[] = [];
  table: 'gpt' | 'mbr' | undefined;
  isAutomatic = false;
  /** Of a btrfs: the partition, its volume's label, and the subvolumes. */
  readonly #volumes: { id: string; label: string | undefined; subvolumes: object[] }[] = [];
  readonly #btrfs = new Map<string, { given: ReadonlyMap<string, string>; place: Place }>();
  readonly #disks = new Set<string>();
  readonly #place: () => Place;
  readonly #format: string;

  /**
   * @param format of file systems whose command has none
   * @param place where the command is that is being taken
   */
  constructor(format: string, place: () => Place) {
    this.#format = format;
    this.#place = place;
  }

  rules(): Readonly<Record<string, Rule>> {
    const part: Rule = { valued: PART_OPTIONS, step: (given) => this.#part(given) };
    return {
      part,
      partition: part,
      btrfs: {
        valued: ['name', 'label', 'data', 'metadata'],
        step: (given) => this.#volume(given),
      },
      autopart: { valued: ['type', 'fstype', 'passphrase'], step: (given) => this.#automatic(given) },
      clearpart: {
        valued: ['disklabel', 'drives', 'list'],
        step: ({ options }) => {
          const label = options.get('disklabel');
          if (label !== undefined) this.table = label === 'gpt' ? 'gpt' : 'mbr';
          return undefined;
        },
      },
      reqpart: {
        step: ({ options }) => {
          if (options.has('add-boot'))
            this.#add({ mount: '/boot', filesystem: this.#format }, 1024, new Map());
          return undefined;
        },
      },
      zerombr: { ignored: EMPTY },
      ignoredisk: { ignored: EMPTY },
      bootdisk: { ignored: EMPTY },
      volgroup: { lost: NO_LVM },
      logvol: { lost: NO_LVM },
      raid: { lost: 'vlb makes no RAID: write "part" for each file system' },
      mount: { lost: 'an empty disk has no file system that could be kept: write "part"' },
      snapshot: { lost: NO_LVM },
    };
  }

  /** The volumes of btrfs become partitions with subvolumes; partitions of a divided disk are in its order. */
  finish(): readonly Partition[] {
    for (const { id, label, subvolumes } of this.#volumes) {
      const found = this.#btrfs.get(id);
      if (!found) continue;
      const fields = { filesystem: 'btrfs', ...(label === undefined ? {} : { label }), subvolumes };
      this.#add(fields, undefined, found.given, found.place);
    }
    return this.partitions.toSorted((a, b) => (a.onpart ?? 0) - (b.onpart ?? 0));
  }

  /** Gives the partitions of a divided disk the sizes that a script of %pre gave them. Returns the place of one whose size is not known. */
  sized(scripts: readonly string[]): {
    readonly partitions: readonly Partition[];
    readonly unknown: Place | undefined;
  } {
    const sizes = scripts.flatMap(dividedSizes);
    let unknown: Place | undefined;
    const partitions = this.finish().map((partition) => {
      if (partition.onpart === undefined) return partition;
      const size = sizes[partition.onpart - 1];
      if (size === undefined) {
        unknown ??= partition.place;
        return partition;
      }
      const text = size === 'rest' ? 'rest' : `${size}M`;
      return {
        ...partition,
        fields: { ...partition.fields, size: text },
        size: size === 'rest' ? 0 : size,
        grows: size === 'rest',
      };
    });
    return { partitions, unknown };
  }

  #part({ draft, at, options, others }: Given): string | undefined {
    const [name] = others;
    if (name === undefined) return 'requires a mount point, or swap';
    for (const word of ['noformat', 'usepart', 'resize']) {
      if (options.has(word)) return `--${word}: an empty disk has no partition that could be kept`;
    }
    if (options.has('encrypted')) return `--encrypted: ${NO_CRYPT}`;
    for (const word of ['size', 'maxsize']) {
      const given = options.get(word);
      if (given !== undefined && !/^\d+$/.test(given)) return `--${word}=${given}: must be a number, in MiB`;
    }
    const disk = options.get('ondisk') ?? options.get('ondrive');
    if (disk !== undefined) this.#disks.add(disk.replace(/^\/dev\//, ''));
    if (this.#disks.size > 1) {
      return `--ondisk=${disk}: a kickstart makes one disk so far; write "disks" of a layer.yaml for others`;
    }
    if (options.has('mkfsoptions')) {
      draft.note(at, '--mkfsoptions: ignored, vlb chooses features that its boot loader can read');
    }
    if (/^pv\./.test(name)) return NO_LVM;
    if (/^raid\./.test(name)) return 'vlb makes no RAID: write "part" for each file system';
    const type =
      options.get('fstype') ?? (name === 'swap' ? 'swap' : name === '/boot/efi' ? 'efi' : this.#format);
    if (FIRMWARE_PARTS.includes(name) || FIRMWARE_PARTS.includes(type)) {
      draft.note(at, 'ignored: vlb adds what the firmware needs');
      return undefined;
    }
    if (/^btrfs\./.test(name)) {
      this.#btrfs.set(name, { given: options, place: this.#place() });
      return undefined;
    }
    const filesystem = Object.hasOwn(FORMATS, type) ? FORMATS[type] : undefined;
    if (filesystem === undefined) {
      const guess = nearest(type, Object.keys(FORMATS));
      const hint =
        guess === undefined ? `use one of ${Object.keys(FORMATS).join(', ')}` : `did you mean ${guess}?`;
      return `--fstype=${type}: a file system that vlb does not make; ${hint}`;
    }
    if (name !== 'swap' && !name.startsWith('/')) return `"${name}" is not a mount point`;
    const recommended = options.has('recommended') || options.has('hibernation') ? 1024 : undefined;
    this.#add({ filesystem, ...(name === 'swap' ? {} : { mount: name }) }, recommended, options);
    return undefined;
  }

  #add(
    fields: Readonly<Record<string, unknown>>,
    usual: number | undefined,
    options: ReadonlyMap<string, string>,
    place = this.#place(),
  ): void {
    const size = Number(options.get('size') ?? usual ?? 0);
    const grows = options.has('grow') && fields['filesystem'] !== 'swap';
    const maximum = Number(options.get('maxsize') ?? 0);
    const [label, mounted] = [options.get('label'), options.get('fsoptions')];
    const [, number] = /(\d+)$/.exec(options.get('onpart') ?? '') ?? [];
    this.partitions.push({
      place,
      size,
      grows,
      onpart: number === undefined ? undefined : Number(number),
      fields: {
        ...fields,
        size: grows ? 'rest' : `${size}M`,
        ...(grows && size > 0 ? { minimum: `${size}M` } : {}),
        ...(grows && maximum > 0 ? { maximum: `${maximum}M` } : {}),
        ...(label === undefined ? {} : { label }),
        ...(mounted === undefined ? {} : { options: mounted.split(',').filter(Boolean) }),
      },
    });
  }

  #volume({ options, others }: Given): string | undefined {
    const [mount = '', ...members] = others;
    const mounted = mount.startsWith('/') ? { mount } : {};
    if (options.has('subvol')) {
      const [of = ''] = members;
      const name = options.get('name');
      if (!name) return '--subvol requires --name';
      const volume = this.#volumes.find(({ id, label }) => [id, label].includes(of.replace(/^LABEL=/, '')));
      if (!volume) return `there is no volume ${of}`;
      volume.subvolumes.push({ name, ...mounted });
      return undefined;
    }
    const [id = '', second] = members;
    if (second !== undefined) return 'a btrfs over several partitions is not supported';
    if (!this.#btrfs.has(id)) return `there is no partition ${id}`;
    if ('mount' in mounted) return 'the volume itself cannot be mounted: mount its subvolumes';
    this.#volumes.push({ id, label: options.get('label'), subvolumes: [] });
    return undefined;
  }

  #automatic({ draft, at, options }: Given): string | undefined {
    if (options.has('encrypted')) return `--encrypted: ${NO_CRYPT}`;
    const type = options.has('nolvm') ? 'plain' : (options.get('type') ?? 'lvm');
    if (!['plain', 'partition', 'btrfs'].includes(type)) {
      return `${NO_LVM}, or autopart --type=plain`;
    }
    this.isAutomatic = true;
    const format = options.get('fstype') ?? this.#format;
    const ask = (words: Readonly<Record<string, string>>) => new Map(Object.entries(words));
    if (!options.has('noboot')) this.#add({ mount: '/boot', filesystem: format }, 1024, ask({}));
    if (!options.has('noswap')) this.#add({ filesystem: 'swap' }, 1024, ask({}));
    const grow = ask({ grow: '', size: '2048' });
    if (type === 'btrfs') {
      const home = options.has('nohome') ? [] : [{ name: 'home', mount: '/home' }];
      this.#add(
        { filesystem: 'btrfs', subvolumes: [{ name: 'root', mount: '/' }, ...home] },
        undefined,
        grow,
      );
    } else this.#add({ mount: '/', filesystem: format }, undefined, grow);
    draft.note(at, 'as the installer divides a small disk: 1 GiB for /boot, 1 GiB of swap, the rest for /');
    return undefined;
  }
}

const PART_OPTIONS = [
  'size',
  'fstype',
  'maxsize',
  'ondisk',
  'ondrive',
  'onpart',
  'label',
  'fsoptions',
  'mkfsoptions',
  'fsprofile',
  'start',
  'end',
  'passphrase',
  'cipher',
];

/** The sizes in MiB of the partitions that parted(8) makes in a script, in their order; `rest` for one that ends with the disk. */
export function dividedSizes(script: string): readonly (number | 'rest')[] {
  const sizes: (number | 'rest')[] = [];
  for (const [, from = '', to = ''] of script.matchAll(
    /\bmkpart\b[^\n]*?\s(\d+(?:\.\d+)?(?:[KMGT]i?B|s|%)?)\s+(\d+(?:\.\d+)?(?:[KMGT]i?B|s|%)?)(?=\s|$)/gm,
  )) {
    const [start, end] = [inMib(from), inMib(to)];
    sizes.push(end === undefined ? 'rest' : Math.floor(end - (start ?? 0)));
  }
  return sizes;
}

/** A place on a disk as parted has it; undefined for a part of the whole disk, which is its end. */
function inMib(text: string): number | undefined {
  const [, number = '0', unit = 'MB'] = /^([\d.]+)(.*)$/.exec(text) ?? [];
  const units: Readonly<Record<string, number>> = {
    s: 512,
    kB: 1e3,
    KB: 1e3,
    MB: 1e6,
    GB: 1e9,
    TB: 1e12,
    KiB: 1024,
    MiB: MIB,
    GiB: 1024 * MIB,
    TiB: MIB * MIB,
  };
  const factor = units[unit === '' ? 'MB' : unit];
  return factor === undefined ? undefined : (Number(number) * factor) / MIB;
}
