// Why a system could not be installed: above all, which package does not exist, where it is in the file, and what its name could be.

import { LOCK_PROBLEM } from '../distro/bootstrap/lock.ts';
import { SOURCES } from '../distro/bootstrap/registry.ts';
import type { Result } from '../model/failure.ts';
import type { Layer } from '../model/project.ts';
import { guessHint } from '../util/nearest.ts';

/**
 * The failure of an installation in place of that of a script.
 * @param names the packages that there are; asked only where one does not exist
 */
export async function explainInstallation(
  script: Result<void>,
  { name: layer, system: of }: Pick<Layer, 'name' | 'system'>,
  names: () => Promise<readonly string[]>,
): Promise<Result<void>> {
  const installation = of?.installation;
  if (script.ok || !installation) return script;
  const { failure } = script;
  if (failure.kind !== 'work' || failure.exitStatus === undefined) return script;
  const { system, placeOf } = installation;
  const name = `${system.distribution} ${system.suite}`;
  const changed = (failure.detail ?? []).filter((line) => line.startsWith(LOCK_PROBLEM));
  if (changed.length > 0) {
    return {
      ok: false,
      failure: {
        ...failure,
        message: `layer ${layer}: ${name} has other versions than ${system.lock}`,
        detail: changed.map((line) => line.slice(LOCK_PROBLEM.length)),
        hint: `use a mirror that has them, or remove ${system.lock}, build, and write it again: vlb layer lock ${layer}`,
      },
    };
  }
  for (const line of failure.detail ?? []) {
    const missing = SOURCES[system.distribution]?.bootstrap.missing(line);
    if (missing === undefined) continue;
    const otherwise =
      'compare the name with those of the distribution, and add the component or the repository that has it';
    return {
      ok: false,
      failure: {
        ...failure,
        message: `layer ${layer}: ${name} has no package ${missing}`,
        where: placeOf(missing),
        detail: [line],
        hint: guessHint(missing, await names(), otherwise),
      },
    };
  }
  const how = failure.message.replace(/^layer \S+: \S+ /, '');
  return {
    ok: false,
    failure: { ...failure, message: `layer ${layer}: the installation of ${name} ${how}` },
  };
}
