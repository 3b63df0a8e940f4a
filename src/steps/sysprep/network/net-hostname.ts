// sysprep: host names in files ifcfg-*.

import { operation } from '../operation.ts';

export const NET_HOSTNAME = operation({
  name: 'net-hostname',
  group: 'network',
  takes: 'host names in files ifcfg-*',
  shell: `for file in /etc/sysconfig/network-scripts/ifcfg-*; do
  [ ! -f "$file" ] || sed -i -E '/^(DHCP_)?HOSTNAME=/d' "$file"
done`,
});
