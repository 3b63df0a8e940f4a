// Checks the mount points that hints name inside the chroot.

import path from 'node:path';
import type { Hints } from '../../model/project.ts';

type Targets = Pick<Hints, 'bindMounts' | 'cacheDirs' | 'partitionMounts' | 'layerMounts' | 'targetLines'>;

/** Registers a hint's target with its line. Returns what is wrong with it, as the predicate of a message, or undefined. */
export function takeTarget(
  draft: { readonly targetLines: Map<string, number> },
  target: string,
  line: number,
): string | undefined {
  const place = placeOf(target);
  if (place === '/mnt') return "cannot mount at /mnt, which holds the layer's own files";
  if (/^\/(?:dev|proc(?:\/.*)?|sys(?:\/.*)?)$/.test(place)) {
    return `cannot mount at ${place}, which vlb mounts itself`;
  }
  const other = [...draft.targetLines].find(([taken]) => placeOf(taken) === place);
  if (other) return `mounts at ${target}, which line ${other[1]} already does`;
  draft.targetLines.set(target, line);
  return undefined;
}

/** The first mount that a bind mount or a cache directory would hide: those are mounted last. */
export function hiddenTarget(
  draft: Targets,
): { readonly message: string; readonly line: number } | undefined {
  const above = [...draft.bindMounts.map(({ target }) => target), ...draft.cacheDirs];
  for (const { target } of [...draft.partitionMounts, ...draft.layerMounts]) {
    const cover = above.find((place) => placeOf(target).startsWith(`${placeOf(place)}/`));
    if (cover === undefined) continue;
    const [line = 0, coverLine] = [draft.targetLines.get(target), draft.targetLines.get(cover)];
    return { message: `the mount at ${target} is hidden by the one at ${cover} (line ${coverLine})`, line };
  }
  return undefined;
}

/** The target as a normalized path without a trailing slash. */
function placeOf(target: string): string {
  return path.posix.normalize(target).replace(/(?<=.)\/$/, '');
}
