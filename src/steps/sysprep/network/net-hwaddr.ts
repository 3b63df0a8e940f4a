// sysprep: hardware addresses in files ifcfg-*.

import { operation } from '../operation.ts';

export const NET_HWADDR = operation({
  name: 'net-hwaddr',
  group: 'network',
  takes: 'hardware addresses in files ifcfg-*',
  shell: `for file in /etc/sysconfig/network-scripts/ifcfg-*; do
  [ ! -f "$file" ] || sed -i '/^HWADDR=/d' "$file"
done`,
});
