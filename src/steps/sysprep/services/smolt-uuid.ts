// sysprep: the id of the machine that smolt sent.

import { operation } from '../operation.ts';

export const SMOLT_UUID = operation({
  name: 'smolt-uuid',
  group: 'subscriptions',
  takes: 'the id of the machine that smolt sent',
  shell: 'rm -f /etc/sysconfig/hw-uuid /etc/smolt/uuid /etc/smolt/hw-uuid',
});
