// sysprep: the id of the machine at the Red Hat Network.

import { operation } from '../operation.ts';

export const RHN_SYSTEMID = operation({
  name: 'rhn-systemid',
  group: 'subscriptions',
  takes: 'the id of the machine at the Red Hat Network',
  shell: 'rm -f /etc/sysconfig/rhn/systemid /etc/sysconfig/rhn/osad-auth.conf',
});
