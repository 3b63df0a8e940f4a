// The storage commands of a kickstart as the partitions of disks, and the sizes that a script of %pre gives them.

import type { Place } from '../../kickstart/parse.ts';
import { DISK_NAME } from '../../model/artifact.ts';
import { nearest } from '../../util/nearest.ts';
import type { Given, Rule } from './commands.ts';
import { diskOf, type Partition } from './disks.ts';
import { dividedSizes } from './divided.ts';
import { Groups } from './groups.ts';

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
const NO_RAID = 'vlb makes no RAID: write "part" for each file system';
const NO_PASSPHRASE =
  '--encrypted: the passphrase is a secret: add a line at the top, # vlb: passphrase NAME, and build with --secret NAME=FILE';

export interface StorageAbout {
  /** The format of file systems whose command has none. */
  readonly format: string;
  /** The volume group of an autopart. */
  readonly group: string;
  /** The secret with the passphrase of what is encrypted; undefined without one. */
  readonly passphrase: string | undefined;
}

export class Storage {
  readonly partitions: Partition[] = [];
  table: 'gpt' | 'mbr' | undefined;
  isAutomatic = false;
  /** Of a btrfs: the partition, its volume's label, and the subvolumes. */
  readonly #volumes: { id: string; label: string | undefined; subvolumes: object[] }[] = [];
  readonly #btrfs = new Map<string, { given: ReadonlyMap<string, string>; place: Place }>();
  readonly #groups: Groups;
  readonly #place: () => Place;
  readonly #about: StorageAbout;

  /** @param place where the command is that is being taken */
  constructor(about: StorageAbout, place: () => Place) {
    this.#about = about;
    this.#place = place;
    this.#groups = new Groups(place);
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
            this.#add({ mount: '/boot', filesystem: this.#about.format }, 1024, new Map());
          return undefined;
        },
      },
      zerombr: { ignored: EMPTY },
      ignoredisk: { ignored: EMPTY },
      bootdisk: { ignored: EMPTY },
      volgroup: {
        valued: ['pesize', 'reserved-space', 'reserved-percent'],
        step: (given) => this.#groups.add(given),
      },
      logvol: {
        valued: [
          ...PART_OPTIONS,
          'vgname',
          'name',
          'percent',
          'poolname',
          'chunksize',
          'metadatasize',
          'profile',
        ],
        step: (given) => this.#logicalVolume(given),
      },
      raid: { lost: NO_RAID },
      mount: { lost: 'an empty disk has no file system that could be kept: write "part"' },
      snapshot: { lost: 'vlb makes no snapshots of volumes' },
    };
  }

  /** What is wrong with volume groups, once all commands were taken. */
  get problem(): { readonly message: string; readonly place: Place } | undefined {
    return this.#groups.problem;
  }

  /** The volumes of btrfs become partitions with subvolumes; partitions of a divided disk are in its order. */
  finish(): readonly Partition[] {
    for (const { group, given, place } of this.#groups.members()) {
      this.#add({ 'volume-group': group }, undefined, given, place);
    }
    for (const { id, label, subvolumes } of this.#volumes) {
      const found = this.#btrfs.get(id);
      if (!found) continue;
      const fields = { filesystem: 'btrfs', ...(label === undefined ? {} : { label }), subvolumes };
      this.#add(fields, undefined, found.given, found.place);
    }
    return this.#groups.placed(this.partitions).toSorted((a, b) => (a.onpart ?? 0) - (b.onpart ?? 0));
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
      const { minimum, maximum, ...fields } = partition.fields;
      return {
        ...partition,
        fields: size === 'rest' ? { ...partition.fields, size } : { ...fields, size: `${size}M` },
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
    const wrong = this.#faultOf(options, draft, at);
    if (wrong !== undefined) return wrong;
    const disk = diskOf(options);
    if (disk !== undefined && !DISK_NAME.test(disk)) return `--ondisk=${disk}: write a name like sda`;
    if (/^pv\./.test(name)) return this.#groups.part(name, options);
    if (/^raid\./.test(name)) return NO_RAID;
    const type =
      options.get('fstype') ?? (name === 'swap' ? 'swap' : name === '/boot/efi' ? 'efi' : this.#about.format);
    if (FIRMWARE_PARTS.includes(name) || FIRMWARE_PARTS.includes(type)) {
      draft.note(at, 'ignored: vlb adds what the firmware needs');
      return undefined;
    }
    if (/^btrfs\./.test(name)) {
      this.#btrfs.set(name, { given: options, place: this.#place() });
      return undefined;
    }
    const filesystem = formatOf(type);
    if (!('format' in filesystem)) return filesystem.message;
    if (name !== 'swap' && !name.startsWith('/')) return `"${name}" is not a mount point`;
    const recommended = options.has('recommended') || options.has('hibernation') ? 1024 : undefined;
    this.#add(
      { filesystem: filesystem.format, ...(name === 'swap' ? {} : { mount: name }) },
      recommended,
      options,
    );
    return undefined;
  }

  /** What is wrong with options that partitions and volumes have. */
  #faultOf(options: ReadonlyMap<string, string>, draft: Given['draft'], at: string): string | undefined {
    for (const word of ['size', 'maxsize']) {
      const given = options.get(word);
      if (given !== undefined && !/^\d+$/.test(given)) return `--${word}=${given}: must be a number, in MiB`;
    }
    if (options.has('mkfsoptions')) {
      draft.note(at, '--mkfsoptions: ignored, vlb chooses features that its boot loader can read');
    }
    if (!options.has('encrypted')) return undefined;
    if (this.#about.passphrase === undefined) return NO_PASSPHRASE;
    if (options.has('passphrase')) {
      draft.note(at, `--passphrase: ignored, it is in the secret ${this.#about.passphrase}`);
    }
    return undefined;
  }

  #logicalVolume({ draft, at, options, others }: Given): string | undefined {
    const [target] = others;
    const [group, name] = [options.get('vgname'), options.get('name')];
    if (target === undefined) return 'requires a mount point, or swap';
    if (!group || !name) return 'requires --vgname and --name';
    for (const word of ['noformat', 'useexisting', 'resize']) {
      if (options.has(word)) return `--${word}: an empty disk has no volume that could be kept`;
    }
    for (const word of ['thin', 'thinpool', 'poolname', 'cachesize', 'cachepvs']) {
      if (options.has(word)) return `--${word}: vlb makes plain volumes only: leave it out`;
    }
    if (options.has('percent')) return '--percent: write --size, in MiB, or --grow';
    if (options.has('encrypted'))
      return '--encrypted: encrypt the partition of the volume group, part pv.01 --encrypted';
    const wrong = this.#faultOf(options, draft, at);
    if (wrong !== undefined) return wrong;
    const filesystem = formatOf(options.get('fstype') ?? (target === 'swap' ? 'swap' : this.#about.format));
    if (!('format' in filesystem)) return filesystem.message;
    if (target !== 'swap' && target !== 'none' && !target.startsWith('/'))
      return `"${target}" is not a mount point`;
    const mount = target.startsWith('/') ? { mount: target } : {};
    this.#groups.uses(group);
    const recommended = options.has('recommended') || options.has('hibernation') ? 1024 : undefined;
    this.#add({ filesystem: filesystem.format, ...mount, volume: `${group}/${name}` }, recommended, options);
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
      disk: diskOf(options),
      onpart: number === undefined ? undefined : Number(number),
      fields: {
        ...fields,
        ...(options.has('encrypted') ? { passphrase: this.#about.passphrase } : {}),
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
    const wrong = this.#faultOf(options, draft, at);
    if (wrong !== undefined) return wrong;
    const type = options.has('nolvm') ? 'plain' : (options.get('type') ?? 'lvm');
    if (!['lvm', 'plain', 'partition', 'btrfs'].includes(type)) {
      return `--type=${type}: use one of lvm, plain, btrfs`;
    }
    this.isAutomatic = true;
    const format = options.get('fstype') ?? this.#about.format;
    const encrypted = options.has('encrypted') ? { encrypted: '' } : {};
    const ask = (words: Readonly<Record<string, string>>) => new Map(Object.entries(words));
    if (!options.has('noboot')) this.#add({ mount: '/boot', filesystem: format }, 1024, ask({}));
    const { group } = this.#about;
    const isLvm = type === 'lvm';
    if (isLvm) this.#add({ 'volume-group': group }, undefined, ask({ grow: '', size: '2048', ...encrypted }));
    const own = isLvm ? {} : encrypted;
    const volume = (name: string) => (isLvm ? { volume: `${group}/${name}` } : {});
    if (!options.has('noswap')) this.#add({ filesystem: 'swap', ...volume('swap') }, 1024, ask(own));
    const grow = ask({ grow: '', size: '2048', ...own });
    if (type === 'btrfs') {
      const home = options.has('nohome') ? [] : [{ name: 'home', mount: '/home' }];
      this.#add(
        { filesystem: 'btrfs', subvolumes: [{ name: 'root', mount: '/' }, ...home] },
        undefined,
        grow,
      );
    } else this.#add({ mount: '/', filesystem: format, ...volume('root') }, undefined, grow);
    draft.note(at, 'as the installer divides a small disk: 1 GiB for /boot, 1 GiB of swap, the rest for /');
    return undefined;
  }
}

/** The format of a type of kickstart; otherwise what is wrong with it. */
function formatOf(type: string): { readonly format: string } | { readonly message: string } {
  const format = Object.hasOwn(FORMATS, type) ? FORMATS[type] : undefined;
  if (format !== undefined) return { format };
  const guess = nearest(type, Object.keys(FORMATS));
  const hint =
    guess === undefined ? `use one of ${Object.keys(FORMATS).join(', ')}` : `did you mean ${guess}?`;
  return { message: `--fstype=${type}: a file system that vlb does not make; ${hint}` };
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
