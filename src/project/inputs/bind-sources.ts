// What bind mounts bring in, and what is wrong with it, told with the line of the hint.

import path from 'node:path';
import { type Failure, fail, ok, type Result, type Where } from '../../model/failure.ts';
import type { Layer } from '../../model/project.ts';
import type { ProjectPaths } from '../project.ts';

/** Where the hint for a target stands. */
export function whereOf(layer: Layer, target: string): Where {
  const line = layer.hints.targetLines.get(target);
  return { file: path.join(layer.directory, layer.kind), ...(line === undefined ? {} : { line }) };
}

/** Fails as `usage` for a bind mount that would bring in what vlb writes: it would be another input at each build. */
export function checkBindSources(layers: readonly Layer[], paths: ProjectPaths): Result<void> {
  for (const layer of layers) {
    for (const { source, target } of layer.hints.bindMounts) {
      const place = path.resolve(layer.directory, source);
      const own = [paths.state, paths.build, paths.store].find((name) => overlap(place, name));
      if (own === undefined) continue;
      return fail('usage', `the bind mount of ${source} brings in ${own}, which vlb writes itself`, {
        where: whereOf(layer, target),
        hint: 'name what the script needs: a directory beside those, or single files',
      });
    }
  }
  return ok();
}

/** A failure about an input; about a bind mount's source itself, it names the hint. */
export function atHint(layer: Layer, failure: Failure): Failure {
  const mount = layer.hints.bindMounts.find(
    ({ source }) => path.resolve(layer.directory, source) === failure.where?.file,
  );
  if (!mount) return failure;
  return {
    ...failure,
    message: `the bind mount of ${mount.source}: ${failure.message}`,
    where: whereOf(layer, mount.target),
    detail: [`it is ${failure.where?.file}`],
  };
}

function overlap(a: string, b: string): boolean {
  return a === b || within(a, b) || within(b, a);
}

function within(inner: string, outer: string): boolean {
  return inner.startsWith(outer.endsWith('/') ? outer : `${outer}/`);
}
