// sysprep: caches and logs of SSSD.

import { operation } from '../operation.ts';

export const SSSD_DB_LOG = operation({
  name: 'sssd-db-log',
  group: 'services',
  takes: 'caches and logs of SSSD',
  shell: 'rm -rf /var/lib/sss/db/* /var/lib/sss/mc/* /var/log/sssd/*',
});
