// sysprep: names of network interfaces that belong to hardware addresses.

import { operation } from '../operation.ts';

export const UDEV_PERSISTENT_NET = operation({
  name: 'udev-persistent-net',
  group: 'network',
  takes: 'names of network interfaces that belong to hardware addresses',
  shell: 'rm -f /etc/udev/rules.d/70-persistent-net.rules',
});
