// sysprep: leases that a DHCP server gave.

import { operation } from '../operation.ts';

export const DHCP_SERVER_STATE = operation({
  name: 'dhcp-server-state',
  group: 'network',
  takes: 'leases that a DHCP server gave',
  shell: 'rm -rf /var/lib/dhcpd/* /var/lib/dhcp/dhcpd.leases*',
});
