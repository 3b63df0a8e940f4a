// sysprep: the id of the machine that yum sends.

import { operation } from '../operation.ts';

export const YUM_UUID = operation({
  name: 'yum-uuid',
  group: 'subscriptions',
  takes: 'the id of the machine that yum sends',
  shell: 'rm -f /var/lib/yum/uuid /var/lib/dnf/countme /var/lib/dnf/repos/*/countme',
});
