// network: the settings of an interface.

import { isIP } from 'node:net';
import * as v from 'valibot';
import { changeKernelOptions } from '../../../distro/boot-loader.ts';
import { configureNetwork, NETWORK_PROGRAMS } from '../../../distro/network/configure.ts';
import { isV6 } from '../../../distro/network/port.ts';
import { ok } from '../../../model/failure.ts';
import { asList, mapping, oneOf, oneOrMany, pattern } from '../../fields.ts';
import { defineVerb } from '../../verb.ts';

const ADDRESS_RULE = 'must be an address with a prefix length, such as 192.0.2.10/24';
const ADDRESS = v.pipe(v.string(ADDRESS_RULE), v.check(isAddress, ADDRESS_RULE));
const IP_RULE = 'must be an IP address';
const IP = v.pipe(
  v.string(IP_RULE),
  v.check((given) => isIP(given) !== 0 && !given.includes('%'), IP_RULE),
);
const DOMAIN = pattern('must be a domain', /^[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?$/);
const BOOLEAN = v.boolean('must be true or false');

const RULE = 'must be dhcp, or a mapping with "address" or "dhcp"';

const SCHEMA = oneOf(RULE, [
  v.literal('dhcp', RULE),
  v.pipe(
    mapping({
      interface: v.optional(pattern('must be the name of an interface', /^[A-Za-z0-9][A-Za-z0-9._-]{0,14}$/)),
      dhcp: v.optional(BOOLEAN),
      address: v.optional(oneOrMany(ADDRESS_RULE, ADDRESS)),
      gateway: v.optional(oneOrMany(IP_RULE, IP)),
      dns: v.optional(oneOrMany(IP_RULE, IP)),
      domain: v.optional(oneOrMany('must be a domain', DOMAIN)),
      'predictable-names': v.optional(BOOLEAN),
      by: v.optional(v.picklist(NETWORK_PROGRAMS, `valid values: ${NETWORK_PROGRAMS.join(', ')}`)),
    }),
    v.check(
      ({ dhcp, address }) => (dhcp === true) !== (address !== undefined),
      'set either "address" or "dhcp: true"',
    ),
    v.check(
      ({ gateway, address }) => gateway === undefined || address !== undefined,
      '"gateway" needs an "address"',
    ),
    v.check(
      ({ gateway }) => hasOneOfEach(asList(gateway)),
      'must have at most one gateway of IPv4 and one of IPv6',
    ),
  ),
]);

export const NETWORK = defineVerb({
  name: 'network',
  summary:
    'Configures an interface, or all of Ethernet without `interface`, by what the image has: netplan, NetworkManager, ifupdown, ifcfg, wicked, systemd-networkd; `by` chooses another one. `predictable-names: false` makes the first interface eth0',
  examples: [
    'network: dhcp',
    `network:
  interface: eth0
  address: 192.0.2.10/24
  gateway: 192.0.2.1
  dns: [192.0.2.53]
  domain: example.org
  predictable-names: false`,
  ],
  version: 2,
  schema: SCHEMA,
  title: (args) =>
    args === 'dhcp' || args.dhcp === true
      ? 'dhcp'
      : [...(args.interface === undefined ? [] : [args.interface]), ...asList(args.address)].join(' '),
  compile(args, { distribution }) {
    const given = args === 'dhcp' ? { dhcp: true } : args;
    const shell = configureNetwork(
      distribution,
      {
        interface: given.interface,
        dhcp: given.dhcp === true,
        addresses: asList(given.address),
        gateways: asList(given.gateway),
        dns: asList(given.dns),
        domains: asList(given.domain),
      },
      given.by,
    );
    if (given['predictable-names'] !== false) return ok({ shell });
    return ok({ shell: `${shell}\n${changeKernelOptions(distribution, OLD_NAMES, NO_LINK)}` });
  },
});

const OLD_NAMES = { add: ['net.ifnames=0'], remove: [] };
/** The same for an image whose boot loader is not its own: systemd.link(5). */
const NO_LINK = 'mkdir -p /etc/systemd/network; ln -sfT /dev/null /etc/systemd/network/99-default.link';

function isAddress(given: string): boolean {
  const [, ip = '', prefix] = /^([0-9A-Fa-f.:]+)\/(\d{1,3})$/.exec(given) ?? [];
  const version = isIP(ip);
  return version !== 0 && Number(prefix) <= (version === 4 ? 32 : 128);
}

function hasOneOfEach(gateways: readonly string[]): boolean {
  const v6 = gateways.filter(isV6).length;
  return v6 <= 1 && gateways.length - v6 <= 1;
}
