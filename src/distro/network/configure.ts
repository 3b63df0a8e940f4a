// Which of the programs that configure networks an image may have, and the shell that writes the settings for the one that it has.

import { type Distribution, distributionName, isLike, majorVersion } from '../distribution.ts';
import { stop } from '../shell-text.ts';
import { IFCFG, WICKED } from './ifcfg.ts';
import { IFUPDOWN } from './ifupdown.ts';
import { NETPLAN } from './netplan.ts';
import { NETWORK_MANAGER } from './network-manager.ts';
import { NETWORKD } from './networkd.ts';
import type { NetworkProgram, NetworkSettings } from './port.ts';

const PROGRAMS: readonly NetworkProgram[] = [NETPLAN, NETWORK_MANAGER, IFUPDOWN, IFCFG, WICKED, NETWORKD];
export const NETWORK_PROGRAMS: readonly string[] = PROGRAMS.map(({ name }) => name);

/** Those that the distribution has, the one that counts if an image has several first. */
function programsOf(distribution: Distribution): readonly NetworkProgram[] {
  if (isLike(distribution, 'debian', 'ubuntu')) return [NETPLAN, NETWORK_MANAGER, IFUPDOWN, NETWORKD];
  if (isLike(distribution, 'suse', 'opensuse')) return [WICKED, NETWORK_MANAGER];
  if (isLike(distribution, 'alpine')) return [IFUPDOWN];
  if (isLike(distribution, 'rhel', 'centos', 'fedora')) {
    return majorVersion(distribution, 9) < 8 ? [IFCFG, NETWORK_MANAGER] : [NETWORK_MANAGER, IFCFG, NETWORKD];
  }
  return [NETWORK_MANAGER, NETWORKD, IFUPDOWN];
}

/**
 * Lines of shell.
 * @param by the name of a program, if not the one that the image has
 */
export function configureNetwork(
  distribution: Distribution,
  settings: NetworkSettings,
  by: string | undefined,
): string {
  const chosen = PROGRAMS.find(({ name }) => name === by);
  if (chosen !== undefined) return chosen.configure(settings).join('\n');
  const programs = programsOf(distribution);
  return [
    ...programs.flatMap((program, index) => [
      `${index === 0 ? 'if' : 'elif'} ${program.isPresent}; then`,
      ...program.configure(settings),
    ]),
    'else',
    stop(
      `the image has none of the programs that ${distributionName(distribution)} configures networks with`,
    ),
    'fi',
  ].join('\n');
}
