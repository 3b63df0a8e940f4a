// sysprep: leases that DHCP clients had.

import { operation } from '../operation.ts';

export const DHCP_CLIENT_STATE = operation({
  name: 'dhcp-client-state',
  group: 'network',
  takes: 'leases that DHCP clients had',
  shell: `rm -rf /var/lib/dhclient/* /var/lib/dhcp/dhclient* /var/lib/dhcpcd/* /var/lib/NetworkManager/*.lease
rm -rf /var/lib/systemd/network/* /run/systemd/netif/leases/*`,
});
