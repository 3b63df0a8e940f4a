// Checks the sources of bind mounts, and locates failures about them at their hints.

import path from 'node:path';
import { type Failure, fail, ok, type Result, type Where } from '../../model/failure.ts';
import { type Layer, scriptFile } from '../../model/project.ts';
import type { ProjectPaths } from '../project.ts';

/** The file and line of the hint that mounts something at a target. */
export function locateTarget(layer: Layer, target: string): Where {
  const line = layer.hints.targetLines.get(target);
  return { file: scriptFile(layer), ...(line === undefined ? {} : { line }) };
}

/** Fails as `usage` for a bind mount that includes vlb's own output: it would change with every build. */
export function checkBindSources(layers: readonly Layer[], paths: ProjectPaths): Result<void> {
  for (const layer of layers) {
    for (const { source, target } of layer.hints.bindMounts) {
      const place = path.resolve(layer.directory, source);
      const own = [paths.state, paths.build, paths.store].find((name) => overlap(place, name));
      if (own === undefined) continue;
      return fail('usage', `the bind mount of ${source} includes ${own}, which vlb writes to`, {
        where: locateTarget(layer, target),
        hint: 'mount only what the script needs: another directory, or single files',
      });
    }
  }
  return ok();
}

/** A failure about an input, located at the hint if the input is the source of a bind mount. */
export function locateAtHint(layer: Layer, failure: Failure): Failure {
  const mount = layer.hints.bindMounts.find(
    ({ source }) => path.resolve(layer.directory, source) === failure.where?.file,
  );
  if (!mount) return failure;
  return {
    ...failure,
    message: `the bind mount of ${mount.source}: ${failure.message}`,
    where: locateTarget(layer, mount.target),
    detail: [`source: ${failure.where?.file}`],
  };
}

function overlap(a: string, b: string): boolean {
  return a === b || within(a, b) || within(b, a);
}

function within(inner: string, outer: string): boolean {
  return inner.startsWith(outer.endsWith('/') ? outer : `${outer}/`);
}
