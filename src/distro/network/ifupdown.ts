// ifupdown, of Debian and, as a part of busybox or as ifupdown-ng, of Alpine.

import { fed, stop } from '../shell-text.ts';
import { isV6, type NetworkProgram } from './port.ts';
import { writeResolvConf } from './resolv-conf.ts';

const FILE = '/etc/network/interfaces';

export const IFUPDOWN: NetworkProgram = {
  name: 'ifupdown',
  isPresent: 'command -v ifup >/dev/null',
  configure(settings) {
    const { interface: name } = settings;
    if (name === undefined) {
      return [stop('ifupdown has no settings for all interfaces: set "interface", for example to eth0')];
    }
    const stanza = (family: 'inet' | 'inet6') => {
      const isOwn = (address: string) => isV6(address) === (family === 'inet6');
      const gateway = settings.gateways.find(isOwn);
      return settings.addresses
        .filter(isOwn)
        .flatMap((address, index) => [
          `iface ${name} ${family} static`,
          `    address ${address}`,
          ...(gateway === undefined || index > 0 ? [] : [`    gateway ${gateway}`]),
          ...(settings.dns.length === 0 ? [] : [`    dns-nameservers ${settings.dns.join(' ')}`]),
          ...(settings.domains.length === 0 ? [] : [`    dns-search ${settings.domains.join(' ')}`]),
        ]);
    };
    const lines = [
      `auto ${name}`,
      ...(settings.dhcp ? [`iface ${name} inet dhcp`] : []),
      ...stanza('inet'),
      ...stanza('inet6'),
    ];
    return [
      'mkdir -p /etc/network/interfaces.d',
      `[ -e ${FILE} ] || printf 'auto lo\\niface lo inet loopback\\n' >${FILE}`,
      '# What the file says of the interface itself, up to what it says of the next one.',
      `rest=$(awk -v name=${name} '`,
      '  /^[[:space:]]*(auto|allow-|iface|mapping|source|no-)/ { skip = $2 == name }',
      `  !skip' ${FILE})`,
      `printf '%s\\n' "$rest" >${FILE}`,
      `grep -q '^source .*interfaces\\.d' ${FILE} || echo 'source /etc/network/interfaces.d/*' >>${FILE}`,
      fed(`cat >/etc/network/interfaces.d/${name}`, `${lines.join('\n')}\n`),
      // Without resolvconf nothing reads the servers in those files.
      ...(settings.dns.length === 0
        ? []
        : [`command -v resolvconf >/dev/null || ${writeResolvConf(settings)}`]),
    ];
  },
};
