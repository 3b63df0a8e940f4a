// Cache points of a layer of steps: under which key the state after a step is kept, and after how many steps a run can begin.
//
// A key has the very bytes that the step ran on, by the name of the point before it or the digest of the parent, never their key: the
// same step run twice makes different bytes. So points form chains, and one that has another predecessor is another point.

import { createHash } from 'node:crypto';
import { distributionOf } from '../../distro/distribution.ts';
import { mainDisk } from '../../model/artifact.ts';
import type { Identity, Lineage } from '../../model/graph.ts';
import type { CachePoints, Point } from '../../model/ports/points.ts';
import type { Layer, LayerStep } from '../../model/project.ts';
import { SCHEMA } from '../../model/recipe.ts';
import { scriptSettings } from '../disk.ts';
import { holds } from './conditions.ts';
import type { InputTree } from './input-tree.ts';

/** Increased when the same step would leave something else for reasons of its own. */
const POINTS = '1';

export interface PointKeys {
  /** The digest of the parent. */
  readonly parent: string;
  /** The key of the state after a step. @param before the point that it runs on; undefined for the parent */
  of(step: LayerStep, before: Pick<Point, 'id'> | undefined): string;
}

/** The keys of the points of a layer, over its inputs as they are in the tree. */
export function pointKeys(
  layer: Layer,
  lineage: Lineage<Identity>,
  tree: Pick<InputTree, 'digest'>,
): PointKeys {
  const parent = lineage.parent ? mainDisk(lineage.parent).digest : 'scratch';
  const common = [
    `point ${POINTS} ${SCHEMA}`,
    layer.platform.architecture,
    `parent ${parent}`,
    ...lineage.mounts.map(
      ({ artifact, target }) => `mount ${mainDisk(artifact).digest} ${JSON.stringify(target)}`,
    ),
    // Parameters are part of a step that can see them, and of no other.
    ...scriptSettings(layer)
      .filter(({ name }) => name !== 'param')
      .map((setting) => JSON.stringify(setting)),
  ];
  return {
    parent,
    of: (step, before) => {
      const params = Object.entries(step.params).toSorted(([a], [b]) => (a < b ? -1 : 1));
      const own = [
        `before ${before?.id ?? parent}`,
        `step ${step.version} ${JSON.stringify(step.text)}`,
        `params ${JSON.stringify(params)}`,
        `inputs ${tree.digest(step.reads)}`,
      ];
      return createHash('sha256')
        .update([...common, ...own].join('\n'))
        .digest('hex');
    },
  };
}

export interface Beginning {
  /** How many steps are done. */
  readonly done: number;
  /** The state after them; undefined for the parent. */
  readonly point: Point | undefined;
}

/**
 * Where a run can begin: after the last step up to which all points are there. Steps that are not for the system of the image are
 * passed, if it is known what that is.
 */
export function findBeginning(
  { steps }: Pick<Layer, 'steps'>,
  keys: PointKeys,
  points: CachePoints,
): Beginning {
  let best: Beginning = { done: 0, point: undefined };
  let { point } = best;
  for (const [index, step] of (steps?.all ?? []).entries()) {
    if (step.when.length > 0) {
      const release: string | undefined = point?.release ?? points.release(keys.parent);
      if (release === undefined) break;
      const system = distributionOf(release);
      if (!step.when.every((condition) => holds(condition, system))) continue;
    }
    point = points.find(keys.of(step, point));
    if (!point) break;
    best = { done: index + 1, point };
  }
  return best;
}
