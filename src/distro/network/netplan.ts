// netplan, of Ubuntu and of Debian's cloud images.

import { fed } from '../shell-text.ts';
import { fileName, isV6, type NetworkProgram } from './port.ts';
import { resolvedOrFile } from './resolv-conf.ts';

/** Those of installers and cloud images would also match the interface. */
const DEFAULTS = [
  '/etc/netplan/00-installer-config.yaml',
  '/etc/netplan/01-netcfg.yaml',
  '/etc/netplan/50-cloud-init.yaml',
  '/etc/netplan/90-default.yaml',
];

export const NETPLAN: NetworkProgram = {
  name: 'netplan',
  isPresent: 'command -v netplan >/dev/null',
  configure(settings) {
    const list = (name: string, values: readonly string[]) =>
      values.length === 0 ? [] : [`${name}: [${values.map((value) => `'${value}'`).join(', ')}]`];
    const servers = [...list('addresses', settings.dns), ...list('search', settings.domains)];
    const fields = [
      ...(settings.interface === undefined ? ['match: { name: "e*" }'] : []),
      `dhcp4: ${settings.dhcp}`,
      `dhcp6: ${settings.dhcp}`,
      ...list('addresses', settings.addresses),
      ...(settings.gateways.length === 0 ? [] : ['routes:']),
      ...settings.gateways.map((via) => `  - { to: '${isV6(via) ? '::/0' : '0.0.0.0/0'}', via: '${via}' }`),
      ...(servers.length === 0 ? [] : [`nameservers: { ${servers.join(', ')} }`]),
    ];
    const lines = [
      'network:',
      '  version: 2',
      '  ethernets:',
      `    ${fileName(settings)}:`,
      ...fields.map((field) => `      ${field}`),
    ];
    const file = `/etc/netplan/60-${fileName(settings)}.yaml`;
    return [
      `rm -f ${DEFAULTS.join(' ')}`,
      fed(`cat >${file}`, `${lines.join('\n')}\n`),
      `chmod 0600 ${file}`,
      ...resolvedOrFile(settings),
    ];
  },
};
