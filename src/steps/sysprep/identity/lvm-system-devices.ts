// sysprep: the list of the machine’s LVM devices: a clone with a disk of another name would not boot.

import { operation } from '../operation.ts';

export const LVM_SYSTEM_DEVICES = operation({
  name: 'lvm-system-devices',
  group: 'lvm',
  takes: 'the list of the machine’s LVM devices: a clone with a disk of another name would not boot',
  shell: 'rm -f /etc/lvm/devices/system.devices',
});
