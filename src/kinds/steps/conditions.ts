// Conditions of steps on the system in the image.

import type { Distribution } from '../../distro/distribution.ts';
import type { SystemCondition } from '../../model/project.ts';

/** Whether a condition on the system holds. */
export function holds({ not, distribution, version }: SystemCondition, system: Distribution): boolean {
  const names = [system.id, ...system.like];
  const versions = [system.version, system.codename];
  const isIt =
    (distribution ?? names).some((name) => names.includes(name)) &&
    (version === undefined || version.some((one) => versions.includes(one)));
  return isIt !== not;
}
