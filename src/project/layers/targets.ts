// Where in the chroot a hint may mount something.

import path from 'node:path';
import type { Hints } from '../../model/project.ts';

type Targets = Pick<Hints, 'bindMounts' | 'cacheDirs' | 'partitionMounts' | 'layerMounts' | 'targetLines'>;

/** Notes where a target stands; returns what is wrong with it, if anything is. */
export function takeTarget(
  draft: { readonly targetLines: Map<string, number> },
  target: string,
  line: number,
): string | undefined {
  const place = placeOf(target);
  if (place === '/mnt') return "cannot mount at /mnt: the layer's own files are there";
  if (/^\/(?:dev|proc(?:\/.*)?|sys(?:\/.*)?)$/.test(place)) {
    return `cannot mount at ${place}: vlb puts the script's own there`;
  }
  const other = [...draft.targetLines].find(([taken]) => placeOf(taken) === place);
  if (other) return `mounts at ${target}, as line ${other[1]} does`;
  draft.targetLines.set(target, line);
  return undefined;
}

/** What a bind mount or a cache goes over: those are mounted last. */
export function hiddenTarget(
  draft: Targets,
): { readonly message: string; readonly line: number } | undefined {
  const above = [...draft.bindMounts.map(({ target }) => target), ...draft.cacheDirs];
  for (const { target } of [...draft.partitionMounts, ...draft.layerMounts]) {
    const cover = above.find((place) => placeOf(target).startsWith(`${placeOf(place)}/`));
    if (cover === undefined) continue;
    const [line = 0, coverLine] = [draft.targetLines.get(target), draft.targetLines.get(cover)];
    return { message: `what is mounted at ${target} is hidden by line ${coverLine}, at ${cover}`, line };
  }
  return undefined;
}

/** A target without what means nothing in a path. */
function placeOf(target: string): string {
  return path.posix.normalize(target).replace(/(?<=.)\/$/, '');
}
