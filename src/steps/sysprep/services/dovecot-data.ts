// sysprep: certificates and state of Dovecot.

import { operation } from '../operation.ts';

export const DOVECOT_DATA = operation({
  name: 'dovecot-data',
  group: 'services',
  takes: 'certificates and state of Dovecot',
  shell: 'rm -rf /var/lib/dovecot/*',
});
