// The files ifcfg-*: of EL up to 8, and of wicked in SUSE.

import { fed, stop } from '../shell-text.ts';
import { isV6, type NetworkProgram, type NetworkSettings } from './port.ts';

const NEEDS_NAME = stop('ifcfg files are for one interface each: set "interface", for example to eth0');

export const IFCFG: NetworkProgram = {
  name: 'ifcfg',
  isPresent: '[ -d /etc/sysconfig/network-scripts ]',
  configure(settings) {
    const { interface: name } = settings;
    if (name === undefined) return [NEEDS_NAME];
    const [v4, v6] = families(settings);
    const lines = [
      `DEVICE=${name}`,
      'TYPE=Ethernet',
      'ONBOOT=yes',
      `BOOTPROTO=${settings.dhcp ? 'dhcp' : 'none'}`,
      ...v4.addresses.flatMap((address, index) => {
        const [ip, prefix] = address.split('/', 2);
        const number = index === 0 ? '' : String(index);
        return [`IPADDR${number}=${ip}`, `PREFIX${number}=${prefix}`];
      }),
      ...(v4.gateway === undefined ? [] : [`GATEWAY=${v4.gateway}`]),
      ...(v6.addresses.length === 0 ? [] : ['IPV6INIT=yes', `IPV6ADDR=${v6.addresses[0]}`]),
      ...(v6.gateway === undefined ? [] : [`IPV6_DEFAULTGW=${v6.gateway}`]),
      ...settings.dns.map((server, index) => `DNS${index + 1}=${server}`),
      ...(settings.domains.length === 0 ? [] : [`DOMAIN="${settings.domains.join(' ')}"`]),
    ];
    return [fed(`cat >/etc/sysconfig/network-scripts/ifcfg-${name}`, `${lines.join('\n')}\n`)];
  },
};

export const WICKED: NetworkProgram = {
  name: 'wicked',
  isPresent: 'command -v wicked >/dev/null',
  configure(settings) {
    const { interface: name } = settings;
    if (name === undefined) return [NEEDS_NAME];
    const directory = '/etc/sysconfig/network';
    const lines = [
      "STARTMODE='auto'",
      `BOOTPROTO='${settings.dhcp ? 'dhcp' : 'static'}'`,
      ...settings.addresses.map((address, index) => `IPADDR${index === 0 ? '' : `_${index}`}='${address}'`),
    ];
    const setConfig = (key: string, value: string) =>
      `sed -i 's|^${key}=.*|${key}="${value}"|' ${directory}/config`;
    return [
      fed(`cat >${directory}/ifcfg-${name}`, `${lines.join('\n')}\n`),
      ...settings.gateways.map(
        (via, index) => `echo 'default ${via} - -' >${index === 0 ? '' : '>'}${directory}/ifroute-${name}`,
      ),
      ...(settings.dns.length === 0
        ? []
        : [setConfig('NETCONFIG_DNS_STATIC_SERVERS', settings.dns.join(' '))]),
      ...(settings.domains.length === 0
        ? []
        : [setConfig('NETCONFIG_DNS_STATIC_SEARCHLIST', settings.domains.join(' '))]),
    ];
  },
};

interface Family {
  readonly addresses: readonly string[];
  readonly gateway: string | undefined;
}

function families(settings: NetworkSettings): [v4: Family, v6: Family] {
  const of = (wanted: boolean) => ({
    addresses: settings.addresses.filter((address) => isV6(address) === wanted),
    gateway: settings.gateways.find((address) => isV6(address) === wanted),
  });
  return [of(false), of(true)];
}
