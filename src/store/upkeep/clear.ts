// Empties a store, except for what running builds have leased.

import { existsSync, rmSync } from 'node:fs';
import path from 'node:path';
import { withNeeds } from '../../model/eviction.ts';
import { fail, ok, type Result } from '../../model/failure.ts';
import type { Cleared } from '../../model/ports/store-upkeep.ts';
import { namesIn } from '../../util/fs.ts';
import { artifactLinks, linkedArtifacts } from '../in-place/links.ts';
import { leaseName } from '../local/points.ts';
import { leasedNames } from '../locks/lease.ts';
import { guarded } from '../locks/lock.ts';
import { amountBelow, amountOf, sum } from './amounts.ts';
import { removeArtifact, type UpkeepOptions } from './entries.ts';
import { readInventory } from './inventory.ts';
import { pointsAmount, readPoints, removePoints } from './points.ts';
import { existingProjects } from './projects.ts';

export interface ClearOptions extends UpkeepOptions {
  /** Removes a directory with files that belong to root. */
  readonly removeTree: (directory: string) => Promise<Result<void>>;
}

/** Fails as `host` when the caches of layers cannot be removed, after all else was. Throws node's fs errors. */
export async function clear(options: ClearOptions, signal: AbortSignal): Promise<Result<Cleared>> {
  const { places, project } = options;
  const done = await guarded(options, signal, () => {
    // Listed first: a build may publish a record at any time, and that one must not be removed below.
    const names = namesIn(places.keys);
    const inventory = readInventory(places);
    const held = leasedNames(places.leases, options.isAlive);
    const leased = withNeeds(held, inventory);
    const victims = [...inventory.values()].filter(({ name }) => !leased.has(name));
    const kept = [...inventory.values()].filter(({ name }) => leased.has(name));
    const records = new Set(kept.flatMap((artifact) => artifact.records.map(({ file }) => file)));
    const points = [...readPoints(places).values()].filter(({ id }) => !held.has(leaseName(id)));
    const files = [
      ...removePoints(points, places, options.owner),
      ...victims.map((victim) => removeArtifact(victim, options)),
    ];
    // What remains are records without artifact, and their logs.
    for (const name of names) {
      const file = path.join(places.keys, name);
      if (!records.has(file.replace(/\.log$/, '.json'))) rmSync(file, { force: true });
    }
    const gone = new Set(victims.map(({ name }) => name));
    const freed = sum([amountOf(victims), pointsAmount(points)]);
    return { files, gone, freed, kept: amountOf(kept), isLeased: leased.size > 0 };
  });
  if (!done) return fail('interrupted', 'clearing the store was interrupted');
  for (const file of done.files) rmSync(file, { force: true });
  // The disks of failed runs depend on what was removed, see src/execute/run/failed-disk.ts.
  const rest = [places.damaged, path.join(project.state, 'failed')].map((directory) => {
    const amount = amountBelow(directory);
    rmSync(directory, { recursive: true, force: true });
    return amount;
  });
  // A running build may have mounted any of them.
  const caches = !done.isLeased && existsSync(places.caches) ? amountBelow(places.caches) : undefined;
  const removed = caches && (await options.removeTree(places.caches));
  if (caches && removed?.ok) rest.push(caches);
  const others = existingProjects(places).filter(
    (other) =>
      other.build !== project.build && [...linkedArtifacts(other.build)].some((name) => done.gone.has(name)),
  );
  const links = unlinkGone(project.build, done.gone);
  if (removed?.ok === false) return removed;
  return ok({
    freed: sum([done.freed, ...rest]),
    kept: done.kept,
    links,
    others: others.map((other) => other.project),
  });
}

/** Removes this project's links to what was removed, as `cargo clean` removes the outputs of its project. */
function unlinkGone(build: string, gone: ReadonlySet<string>): number {
  const links = artifactLinks(build).filter(({ target }) => gone.has(path.basename(target)));
  for (const { name } of links) rmSync(path.join(build, name), { force: true });
  return links.length;
}
