// The disk of a layer of steps while they run: it begins at the parent or at a cache point, leaves a point after each step, and ends as
// one delta over the parent.

import { linkSync, rmSync } from 'node:fs';
import { artifactFile, mainDisk, nameOf } from '../../model/artifact.ts';
import { failAt, ok, type Result } from '../../model/failure.ts';
import type { Disk, MountedSystem } from '../../model/ports/machine.ts';
import type { PointAbout } from '../../model/ports/points.ts';
import { referenceTo } from '../disk.ts';
import { AttachedDisks } from '../further.ts';
import type { Task } from '../kind.ts';
import { mountAll } from '../system.ts';
import type { Beginning } from './points.ts';

/** So many files of points below a disk, or a few more, are opened for each run; then they become one. */
const LONG = 12;
/** A file that is so much larger than those above it together is not copied with them. */
const MUCH_LARGER = 2;
/** In any case from here on. */
const TOO_LONG = 2 * LONG;

export class Session implements Disposable {
  readonly #task: Task;
  /** The names under which the daemon has opened the files of the disk: it may open them again, so each stays while it is attached. */
  #files: string[] = [];
  #attached:
    | { readonly disk: Disk; readonly further: AttachedDisks; readonly system: MountedSystem }
    | undefined;
  /** The further disks that no step wrote to. There are no cache points where there are any, and so they are attached once. */
  untouched: readonly string[] = [];
  /** The file in which the disk is to continue, which is made while a step runs. */
  #next: { readonly id: string; readonly file: string; readonly made: Promise<Result<void>> } | undefined;
  /** The point that the draft is on. */
  #tip: string | undefined;
  /** Bytes. */
  #size = 0;

  private constructor(task: Task) {
    this.#task = task;
  }

  /** Makes the draft, attaches it and mounts its system. */
  static async open(task: Task, { point }: Beginning): Promise<Result<Session>> {
    const session = new Session(task);
    const { points, draft, images, lineage, bench } = task;
    if (points && lineage.parent) {
      const backing = point
        ? points.all.referenceTo(point.id)
        : points.all.referenceToArtifact(artifactFile(lineage.parent));
      const created = await images.create(draft.path, { backing });
      if (!created.ok) return created;
      const info = await images.info(draft.path);
      if (!info.ok) return info;
      session.#size = info.value.virtualSize;
      session.#tip = point?.id;
      const adopted = await bench.adoptPoints(point?.made ?? '');
      if (!adopted.ok) return adopted;
    }
    const attached = await session.#attach();
    return attached.ok ? ok(session) : attached;
  }

  get system(): MountedSystem {
    if (!this.#attached) throw new Error('the system of a layer of steps is not mounted');
    return this.#attached.system;
  }

  /** The point that the disk is on; undefined for the parent. */
  get tip(): { readonly id: string } | undefined {
    return this.#tip === undefined ? undefined : { id: this.#tip };
  }

  /** Prepares `keep`, which comes next. */
  prepare(): void {
    const { points, draft, lineage, images } = this.#task;
    if (!points || !lineage.parent || this.#isLong()) return;
    const id = points.all.newId();
    const file = `${draft.path}.${this.#files.length + 1}`;
    this.#files.push(file);
    const backing = points.all.referenceTo(id);
    this.#next = { id, file, made: images.create(file, { backing, size: this.#size, unseen: true }) };
  }

  /** Keeps the state of the disk as a point. */
  async keep(about: Omit<PointAbout, 'made' | 'parent' | 'backing'>): Promise<Result<void>> {
    const { points, lineage } = this.#task;
    if (!points || !lineage.parent) return ok();
    const parent = { ...mainDisk(lineage.parent), keeping: lineage.parent.keeping };
    const all = { ...about, parent, backing: this.#tip };
    try {
      const continued = await this.#continue(all);
      if (!continued.ok) return continued;
      return continued.value ? ok() : await this.#keepDetached(points.all.newId(), all);
    } catch (error) {
      return failAt(this.#task.draft.path, 'cannot keep a cache point', error);
    }
  }

  /** Keeps the state while everything stays mounted; false where that is not possible. */
  async #continue(about: Omit<PointAbout, 'made'>): Promise<Result<boolean>> {
    const { points, draft, bench } = this.#task;
    const next = this.#next;
    if (!points || !next || !this.#attached) return ok(false);
    this.#next = undefined;
    const { disk, system } = this.#attached;
    const before = this.#files.at(-2) ?? draft.path;
    const created = await next.made;
    if (!created.ok) return created;
    const made = await bench.madePoints();
    if (!made.ok) return made;
    const continued = await bench.continueIn(disk, system, next.file);
    if (!continued.ok || !continued.value) return continued;
    if (before !== draft.path) rmSync(draft.path);
    const kept = await points.all.keep(before, next.id, { ...about, made: made.value });
    if (!kept.ok) return kept;
    linkSync(next.file, draft.path);
    this.#tip = next.id;
    return ok(true);
  }

  #isLong(): boolean {
    const { points } = this.#task;
    return points !== undefined && this.#tip !== undefined && points.all.chain(this.#tip).length + 1 >= LONG;
  }

  /** The same, where the disk cannot continue in another file while it is attached, or where its chain is too long. */
  async #keepDetached(id: string, about: Omit<PointAbout, 'made'>): Promise<Result<void>> {
    const { points, draft, images } = this.#task;
    if (!points) return ok();
    const detached = await this.#detach();
    if (!detached.ok) return detached;
    const shortened = await this.#shorten();
    if (!shortened.ok) return shortened;
    const kept = await points.all.keep(draft.path, id, { ...about, made: '' });
    if (!kept.ok) return kept;
    this.#tip = id;
    const created = await images.create(draft.path, { backing: points.all.referenceTo(id) });
    return created.ok ? this.#attach() : created;
  }

  /** Takes what is in the points at the top of a long chain into the draft. */
  async #shorten(): Promise<Result<void>> {
    const { points, draft, images, lineage } = this.#task;
    if (!points || this.#tip === undefined || !lineage.parent) return ok();
    if (!this.#isLong()) return ok();
    const chain = points.all.chain(this.#tip);
    const info = await images.info(draft.path);
    if (!info.ok) return info;
    let [count, sum] = [0, 0];
    for (const { bytes } of chain) {
      if (chain.length < TOO_LONG && count >= LONG / 2 && bytes > MUCH_LARGER * sum) break;
      sum += bytes;
      count++;
    }
    const below = chain[count];
    const backing = below
      ? points.all.referenceTo(below.id)
      : points.all.referenceToArtifact(artifactFile(lineage.parent));
    return images.rebase(draft.path, backing, points.signal);
  }

  /** Unmounts and detaches the disk, and makes it one delta over the parent. */
  async close(): Promise<Result<void>> {
    const { points, draft, images, lineage } = this.#task;
    // Each point has written a part of the journal, and a new system all of it.
    const detached = await this.#detach(points !== undefined || !lineage.parent);
    if (!detached.ok || !points || !lineage.parent) return detached;
    const backing = referenceTo(nameOf(lineage.parent));
    // The points stay as they are.
    const merged =
      this.#tip === undefined
        ? await images.setBacking(draft.path, backing)
        : await images.rebase(draft.path, backing, points.signal);
    await points.all.flushed();
    return merged;
  }

  async #attach(): Promise<Result<void>> {
    const { bench, draft, layer, points, enter } = this.#task;
    enter('attach');
    const disk = await bench.attach(draft.path, layer.hints.sectorSize, points !== undefined);
    if (!disk.ok) return disk;
    const further = await AttachedDisks.attach(this.#task);
    if (!further.ok) return further;
    enter('mount');
    const system = await mountAll(this.#task, disk.value, further.value.all);
    if (!system.ok) return system;
    this.#attached = { disk: disk.value, further: further.value, system: system.value };
    return further.value.begin(system.value);
  }

  async #detach(isSmallest = false): Promise<Result<void>> {
    const { bench, enter } = this.#task;
    const attached = this.#attached;
    if (!attached) return ok();
    this.#attached = undefined;
    await this.#next?.made;
    this.#next = undefined;
    enter('unmount');
    const ended = await attached.further.end(attached.system);
    if (!ended.ok) return ended;
    this.untouched = attached.further.untouched;
    const unmounted = await bench.unmount(attached.system, isSmallest);
    if (!unmounted.ok) return unmounted;
    enter('detach');
    const without = await attached.further.detach();
    if (!without.ok) return without;
    const detached = await bench.detach(attached.disk);
    this[Symbol.dispose]();
    return detached;
  }

  /** Leaves the draft its own name only. */
  [Symbol.dispose](): void {
    for (const file of this.#files.splice(0)) rmSync(file, { force: true });
  }
}
