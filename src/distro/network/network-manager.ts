// NetworkManager, by its key files: nm-settings-keyfile(5).

import { fed } from '../shell-text.ts';
import { fileName, isV6, type NetworkProgram, type NetworkSettings } from './port.ts';

export const NETWORK_MANAGER: NetworkProgram = {
  name: 'NetworkManager',
  isPresent: 'command -v NetworkManager >/dev/null',
  configure(settings) {
    const name = fileName(settings);
    const lines = [
      '[connection]',
      `id=${name}`,
      'type=ethernet',
      ...(settings.interface === undefined ? [] : [`interface-name=${settings.interface}`]),
      // Before the one that an installer made for the interface.
      'autoconnect-priority=10',
      ...family(settings, 'ipv4'),
      ...family(settings, 'ipv6'),
    ];
    const directory = '/etc/NetworkManager/system-connections';
    return [
      `mkdir -p ${directory}`,
      ...(settings.interface === undefined ? [] : [`rm -f /etc/sysconfig/network-scripts/ifcfg-${name}`]),
      fed(`cat >${directory}/${name}.nmconnection`, `${lines.join('\n')}\n`),
      `chmod 0600 ${directory}/${name}.nmconnection`,
    ];
  },
};

function family(settings: NetworkSettings, section: 'ipv4' | 'ipv6'): string[] {
  const isOwn = (address: string) => isV6(address) === (section === 'ipv6');
  const addresses = settings.addresses.filter(isOwn);
  const gateway = settings.gateways.find(isOwn);
  const dns = settings.dns.filter(isOwn);
  const none = section === 'ipv4' ? 'disabled' : 'auto';
  return [
    '',
    `[${section}]`,
    `method=${addresses.length > 0 ? 'manual' : settings.dhcp ? 'auto' : none}`,
    ...addresses.map((address, index) => `address${index + 1}=${address}`),
    ...(gateway === undefined ? [] : [`gateway=${gateway}`]),
    ...(dns.length === 0 ? [] : [`dns=${dns.map((server) => `${server};`).join('')}`]),
    ...(settings.domains.length === 0
      ? []
      : [`dns-search=${settings.domains.map((domain) => `${domain};`).join('')}`]),
  ];
}
