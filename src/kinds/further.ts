// The further disks of a layer: those of its parent, and those that it creates. A run writes to a delta over each; a disk that it did not
// write to stays that of the parent.

import type { ArtifactDisk, ArtifactName } from '../model/artifact.ts';
import * as artifact from '../model/artifact.ts';
import { ok, type Result } from '../model/failure.ts';
import type { Disk, MountedSystem, NamedDisk, Workbench } from '../model/ports/machine.ts';
import { createOver } from './disk.ts';
import type { Images, Task } from './kind.ts';

/** A further disk of a layer. */
export interface FurtherDisk {
  readonly name: string;
  /** That of the parent, if it has one of the name. */
  readonly parent: ArtifactDisk | undefined;
  /** What the layer asks for, in bytes. */
  readonly size: number | undefined;
}

/** The further disks of a layer, its parent's and those that it adds, in the order of their names: that of their links, too. */
export function furtherDisksOf({ layer, lineage }: Pick<Task, 'layer' | 'lineage'>): readonly FurtherDisk[] {
  const inherited = lineage.parent ? artifact.furtherDisks(lineage.parent) : [];
  const wished = layer.hints.disks;
  const names = new Set([...inherited, ...wished].map(({ name }) => name));
  return [...names].toSorted().map((name) => ({
    name,
    parent: inherited.find((disk) => disk.name === name),
    size: wished.find((disk) => disk.name === name)?.size,
  }));
}

/** Creates the file of a run for a further disk: a delta over the parent's, or an empty disk. Fails as `usage` where it would shrink. */
export function createFurther(
  run: Pick<Task, 'layer' | 'lineage'>,
  { name, parent, size }: FurtherDisk,
  file: string,
  images: Images,
): Promise<Result<void>> {
  const { layer, lineage } = run;
  const below: ArtifactName | undefined =
    parent && lineage.parent ? { digest: parent.digest, keeping: lineage.parent.keeping } : undefined;
  return createOver(below, size, file, { ...images, layer, what: `the disk ${name}` });
}

/** The further disks of a run while they are attached. */
export class AttachedDisks {
  readonly #bench: Workbench;
  readonly #all: readonly NamedDisk[];
  /** How much was written to each before the script, by name. */
  readonly #before = new Map<string, number>();
  readonly #untouched = new Set<string>();

  private constructor(bench: Workbench, all: readonly NamedDisk[]) {
    this.#bench = bench;
    this.#all = all;
  }

  /** Attaches them. */
  static async attach({
    bench,
    further,
    layer,
  }: Pick<Task, 'bench' | 'further' | 'layer'>): Promise<Result<AttachedDisks>> {
    const all: NamedDisk[] = [];
    for (const { name, file } of further) {
      const disk = await bench.attach(file, layer.hints.sectorSize);
      if (!disk.ok) return disk;
      all.push({ name, disk: disk.value });
    }
    return ok(new AttachedDisks(bench, all));
  }

  get all(): readonly NamedDisk[] {
    return this.#all;
  }

  /** The names of those that the script did not write to. */
  get untouched(): readonly string[] {
    return [...this.#untouched];
  }

  /** Call it before the script: what was written until now, by mounting them, does not count. */
  async begin(system?: MountedSystem): Promise<Result<void>> {
    for (const { name, disk } of this.#all) {
      const written = await this.#bench.written(disk, system);
      if (!written.ok) return written;
      this.#before.set(name, written.value);
    }
    return ok();
  }

  /** Call it after the script, before anything is unmounted. */
  async end(system?: MountedSystem): Promise<Result<void>> {
    for (const { name, disk } of this.#all) {
      const written = await this.#bench.written(disk, system);
      if (!written.ok) return written;
      if (written.value === this.#before.get(name)) this.#untouched.add(name);
    }
    return ok();
  }

  async detach(): Promise<Result<void>> {
    return this.#each((disk) => this.#bench.detach(disk));
  }

  /** Frees what the script deleted on those that it wrote to; for disks that are not mounted. */
  async trim(): Promise<Result<void>> {
    return this.#each(async (disk, name) => {
      if (this.#untouched.has(name)) return ok();
      const flushed = await this.#bench.flush(disk);
      return flushed.ok ? this.#bench.trim(disk) : flushed;
    });
  }

  async #each(work: (disk: Disk, name: string) => Promise<Result<void>>): Promise<Result<void>> {
    for (const { name, disk } of this.#all) {
      const done = await work(disk, name);
      if (!done.ok) return done;
    }
    return ok();
  }
}

/** The variable with the device of a disk, for scripts. */
export function diskVariables(disks: readonly NamedDisk[]): Readonly<Record<string, string>> {
  return Object.fromEntries(disks.map(({ name, disk }) => [artifact.diskVariable(name), disk.device]));
}
