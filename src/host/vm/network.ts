// The network of the guest: QEMU's user network, in a network namespace of its own where pasta(1) can make one.

import { dyingWithParent } from '../process/lifetime.ts';
import { isInstalled } from '../process/run.ts';
import { isRoot } from '../process/sudo.ts';

/** What the guest asks for names: QEMU's forwarder, or the address that pasta passes on to the host's first name server. */
const QEMU_SERVER = '10.0.2.3';
const PASTA_SERVER = '198.51.100.53';

/** QEMU's options for the network card, whose addresses init.sh knows: those of QEMU's user network. */
export const NETWORK_CARD = [
  ...['-netdev', 'user,id=net,ipv6=off'],
  ...['-device', 'virtio-net-pci,netdev=net,romfile='],
];

/** Whether the guest reaches nothing that listens on this machine's loopback, nor its abstract sockets. */
export function isApart(): boolean {
  return isInstalled('pasta');
}

/** The resolv.conf of chroots in the guest. */
export function nameServers(): string {
  return `nameserver ${isApart() ? PASTA_SERVER : QEMU_SERVER}\n`;
}

/**
 * The command to start in place of QEMU. In the namespace that pasta makes there is a way out of this machine, and nothing that
 * leads to its loopback: not the address of the gateway, and no port.
 */
export function withNetwork(command: string, args: readonly string[]): readonly [string, readonly string[]] {
  const inside = dyingWithParent('KILL', command, args);
  if (!isApart()) return inside;
  const nothing = ['-t', 'none', '-u', 'none', '-T', 'none', '-U', 'none'];
  // For root it would make a user namespace in which root is nobody.
  const user = isRoot() ? ['--netns-only', '--runas', '0:0'] : [];
  const options = [...user, '--foreground', '--quiet', '--ipv4-only', '--config-net', '--no-map-gw'];
  return dyingWithParent('KILL', 'pasta', [
    ...[...options, ...nothing, '--dns-forward', PASTA_SERVER, '--'],
    inside[0],
    ...inside[1],
  ]);
}
