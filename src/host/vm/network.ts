// The network of the guest: QEMU's user network, in a network namespace of its own where pasta(1) can make one.

import { dyingWithParent } from '../process/lifetime.ts';
import { isInstalled, succeeds } from '../process/run.ts';
import { isRoot } from '../process/sudo.ts';

/** What the guest asks for names: QEMU's forwarder, or the address that pasta passes on to the host's first name server. */
const QEMU_SERVER = '10.0.2.3';
const PASTA_SERVER = '198.51.100.53';

/** QEMU's options for the network card, whose addresses init.sh knows: those of QEMU's user network. */
export const NETWORK_CARD = [
  ...['-netdev', 'user,id=net,ipv6=off'],
  ...['-device', 'virtio-net-pci,netdev=net,romfile='],
];

/** How QEMU is connected. */
export interface Network {
  /** The command to start in place of QEMU. */
  readonly command: readonly [string, readonly string[]];
  /** The resolv.conf of chroots in the guest. */
  readonly nameServers: string;
}

/** In ms. It takes about 50. */
const PROBE_LIMIT = 10_000;

/** Whether pasta works here. In containers, a user may not be allowed to make namespaces, or /dev/net/tun is missing. */
export async function canBeApart(): Promise<boolean> {
  return isInstalled('pasta') && (await succeeds('pasta', inNamespace('true', []), PROBE_LIMIT));
}

/**
 * The network for a QEMU. In the namespace that pasta makes there is a way out of this machine, and nothing that leads to its loopback:
 * not the address of the gateway, and no port. Without pasta, QEMU is in the namespace that vlb is in.
 */
export async function networkFor(command: string, args: readonly string[]): Promise<Network> {
  const inside = dyingWithParent('KILL', command, args);
  if (!(await canBeApart())) return { command: inside, nameServers: `nameserver ${QEMU_SERVER}\n` };
  return {
    command: dyingWithParent('KILL', 'pasta', inNamespace(...inside)),
    nameServers: `nameserver ${PASTA_SERVER}\n`,
  };
}

function inNamespace(command: string, args: readonly string[]): readonly string[] {
  // For root it would make a user namespace in which root is nobody.
  const user = isRoot() ? ['--netns-only', '--runas', '0:0'] : [];
  const options = [...user, '--foreground', '--quiet', '--ipv4-only', '--config-net', '--no-map-gw'];
  const nothing = ['-t', 'none', '-u', 'none', '-T', 'none', '-U', 'none'];
  return [...options, ...nothing, '--dns-forward', PASTA_SERVER, '--', command, ...args];
}
