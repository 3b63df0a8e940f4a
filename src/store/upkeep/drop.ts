// Uncached artifacts that were replaced: the project that made them removes them, unless somebody else came to use them.

import { rmSync } from 'node:fs';
import path from 'node:path';
import { guarded } from '../locks/guard.ts';
import { leasedNames } from '../locks/lease.ts';
import { backingArtifact } from './inventory.ts';
import type { UpkeepOptions } from './keeping.ts';
import { artifactsInPlace, livingProjects } from './projects.ts';

/**
 * Removes artifacts, by the names of their files, but for those that another running build holds, or that the links of
 * another project lead to or stand on. Throws node's fs errors.
 */
export async function dropUnused(names: readonly string[], options: UpkeepOptions): Promise<void> {
  const { places, project, isAlive, owner } = options;
  await guarded(options, new AbortController().signal, () => {
    const used = new Set(leasedNames(places.leases, isAlive, owner));
    for (const other of livingProjects(places)) {
      if (other.build === project.build) continue;
      for (const name of artifactsInPlace(other)) used.add(name);
    }
    for (const name of used) {
      const backing = backingArtifact(path.join(places.artifacts, name));
      if (backing !== undefined) used.add(backing); // and it is met itself: a Set's loop reaches what is added to it
    }
    for (const name of names) {
      if (!used.has(name)) rmSync(path.join(places.artifacts, name), { force: true });
    }
  });
}
