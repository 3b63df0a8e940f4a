// What hypervisors and clouds expect in a guest, as packages and services of distributions.

import { type Distribution, isLike } from './distribution.ts';

export const PLATFORMS = ['qemu', 'vmware', 'cloud'] as const;
export type GuestPlatform = (typeof PLATFORMS)[number];

export interface GuestAgent {
  readonly package: string;
  /** The services that the package does not turn on itself. */
  readonly services: readonly string[];
}

/** The agents have one package name everywhere. */
const PACKAGES: Readonly<Record<GuestPlatform, string>> = {
  qemu: 'qemu-guest-agent',
  vmware: 'open-vm-tools',
  cloud: 'cloud-init',
};

/** Packages of Debian, Fedora and EL turn their services on, by themselves or by presets; udev starts qemu's. */
const SERVICES: Readonly<Record<'alpine' | 'others', Readonly<Record<GuestPlatform, readonly string[]>>>> = {
  alpine: {
    qemu: ['qemu-guest-agent'],
    vmware: ['open-vm-tools'],
    cloud: ['cloud-init-local', 'cloud-init', 'cloud-config', 'cloud-final'],
  },
  others: {
    qemu: [],
    vmware: ['vmtoolsd'],
    cloud: [
      'cloud-init-local',
      'cloud-init',
      'cloud-init-main',
      'cloud-init-network',
      'cloud-config',
      'cloud-final',
    ],
  },
};

/** The agent of a platform. Of its services, an image may have only some: their names changed. */
export function guestAgent(distribution: Distribution, platform: GuestPlatform): GuestAgent {
  const isReady = isLike(distribution, 'debian', 'ubuntu', 'fedora', 'rhel', 'centos');
  const services = SERVICES[isLike(distribution, 'alpine') ? 'alpine' : 'others'][platform];
  return { package: PACKAGES[platform], services: isReady ? [] : services };
}
