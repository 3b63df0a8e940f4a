// What a package manager is asked for, and the one that a distribution has.

import { fail, ok, type Result } from '../../model/failure.ts';
import { type Distribution, distributionName, isLike, majorVersion } from '../distribution.ts';
import { APK } from './apk.ts';
import { APT } from './apt.ts';
import { DNF, DNF5, YUM } from './dnf.ts';
import { PACMAN } from './pacman.ts';
import type { PackageManager } from './port.ts';
import { ZYPPER } from './zypper.ts';

/** The package manager of a distribution. Fails as `usage` for one that is not known. */
export function packageManagerOf(distribution: Distribution): Result<PackageManager> {
  const known = find(distribution);
  if (known !== undefined) return ok(known);
  return fail('usage', `the package manager of ${distributionName(distribution)} is not known`, {
    hint: 'install packages with a step "run"',
  });
}

function find(distribution: Distribution): PackageManager | undefined {
  if (isLike(distribution, 'debian', 'ubuntu')) return APT;
  if (distribution.id === 'fedora') return majorVersion(distribution, 99) >= 41 ? DNF5 : DNF;
  if (distribution.id === 'amzn') return majorVersion(distribution, 2023) < 2022 ? YUM : DNF;
  if (isLike(distribution, 'suse', 'opensuse')) return ZYPPER;
  if (isLike(distribution, 'rhel', 'centos', 'fedora')) return majorVersion(distribution, 9) < 8 ? YUM : DNF;
  if (isLike(distribution, 'alpine')) return APK;
  return isLike(distribution, 'arch') ? PACMAN : undefined;
}
