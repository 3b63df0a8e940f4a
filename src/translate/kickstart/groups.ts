// The volume groups of a kickstart: which partitions each has.

import type { Place } from '../../kickstart/parse.ts';
import type { Given } from './commands.ts';
import { diskOf, type Partition } from './disks.ts';

type Options = ReadonlyMap<string, string>;

export class Groups {
  /** Partitions for groups, `pv.01`. */
  readonly #parts = new Map<string, { given: Options; place: Place }>();
  readonly #groups = new Map<string, readonly string[]>();
  readonly #used: { group: string; place: Place }[] = [];
  readonly #place: () => Place;

  /** @param place where the command is that is being taken */
  constructor(place: () => Place) {
    this.#place = place;
  }

  /** Takes a partition. Returns what is wrong with it. */
  part(id: string, given: Options): string | undefined {
    if (this.#parts.has(id)) return `there are two partitions ${id}`;
    this.#parts.set(id, { given, place: this.#place() });
    return undefined;
  }

  /** Takes a `volgroup`. Returns what is wrong with it. */
  add({ draft, at, options, others }: Given): string | undefined {
    const [name, ...members] = others;
    for (const word of ['noformat', 'useexisting']) {
      if (options.has(word)) return `--${word}: an empty disk has no volume group that could be kept`;
    }
    for (const word of ['reserved-space', 'reserved-percent']) {
      if (options.has(word)) return `--${word}: give the volumes sizes, and the rest stays free`;
    }
    if (name === undefined || members.length === 0)
      return 'requires a name and its partitions, like "vg0 pv.01"';
    if (this.#groups.has(name)) return `there are two volume groups ${name}`;
    for (const id of members) {
      if (!this.#parts.has(id)) return `there is no partition ${id}`;
      if ([...this.#groups.values()].flat().includes(id)) return `${id} is in another volume group`;
    }
    if (!['4096', undefined].includes(options.get('pesize'))) {
      draft.note(at, '--pesize: ignored, extents are 4 MiB');
    }
    this.#groups.set(name, members);
    return undefined;
  }

  /** Notes that a volume is in a group. */
  uses(group: string): void {
    this.#used.push({ group, place: this.#place() });
  }

  /** A group on several disks, a volume whose group does not exist, and a partition that is in none. */
  get problem(): { readonly message: string; readonly place: Place } | undefined {
    const disks = new Map<string, string | undefined>();
    for (const { group, given, place } of this.members()) {
      const disk = diskOf(given);
      if (disks.has(group) && disks.get(group) !== disk) {
        return { message: `volgroup: ${group} is on several disks, and vlb makes it on one`, place };
      }
      disks.set(group, disk);
    }
    const lost = this.#used.find(({ group }) => !this.#groups.has(group));
    if (lost) return { message: `logvol: there is no volume group ${lost.group}`, place: lost.place };
    const members = [...this.#groups.values()].flat();
    const [id, part] = [...this.#parts].find(([one]) => !members.includes(one)) ?? [];
    return part && { message: `part: ${id} is in no volume group`, place: part.place };
  }

  /** Partitions, of which the volumes are on the disks of their groups. */
  placed(all: readonly Partition[]): readonly Partition[] {
    const members = this.members();
    return all.map((partition) => {
      const { volume } = partition.fields;
      const member = members.find(({ group }) => String(volume).startsWith(`${group}/`));
      return volume === undefined || !member ? partition : { ...partition, disk: diskOf(member.given) };
    });
  }

  /** The partitions of all groups. */
  members(): readonly { readonly group: string; readonly given: Options; readonly place: Place }[] {
    return [...this.#groups].flatMap(([group, ids]) =>
      ids.flatMap((id) => {
        const part = this.#parts.get(id);
        return part ? [{ group, ...part }] : [];
      }),
    );
  }
}
