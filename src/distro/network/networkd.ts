// systemd-networkd.

import { fed } from '../shell-text.ts';
import { fileName, type NetworkProgram } from './port.ts';
import { resolvedOrFile } from './resolv-conf.ts';

export const NETWORKD: NetworkProgram = {
  name: 'networkd',
  isPresent: '[ -e /usr/lib/systemd/systemd-networkd ] || [ -e /lib/systemd/systemd-networkd ]',
  configure(settings) {
    const lines = [
      '[Match]',
      `Name=${settings.interface ?? 'en* eth*'}`,
      '',
      '[Network]',
      ...(settings.dhcp ? ['DHCP=yes'] : []),
      ...settings.addresses.map((address) => `Address=${address}`),
      ...settings.gateways.map((gateway) => `Gateway=${gateway}`),
      ...settings.dns.map((server) => `DNS=${server}`),
      ...(settings.domains.length === 0 ? [] : [`Domains=${settings.domains.join(' ')}`]),
    ];
    return [
      'mkdir -p /etc/systemd/network',
      fed(
        `cat >/etc/systemd/network/${settings.interface === undefined ? 30 : 20}-${fileName(settings)}.network`,
        `${lines.join('\n')}\n`,
      ),
      'systemctl enable systemd-networkd',
      ...resolvedOrFile(settings),
    ];
  },
};
