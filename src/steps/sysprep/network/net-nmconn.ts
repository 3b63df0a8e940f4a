// sysprep: all connections of NetworkManager, also those of steps.

import { operation } from '../operation.ts';

export const NET_NMCONN = operation({
  name: 'net-nmconn',
  group: 'connections',
  takes: 'all connections of NetworkManager, also those of steps',
  isDefault: false,
  shell: 'rm -f /etc/NetworkManager/system-connections/*.nmconnection',
});
