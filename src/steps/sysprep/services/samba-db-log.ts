// sysprep: databases and logs of Samba.

import { operation } from '../operation.ts';

export const SAMBA_DB_LOG = operation({
  name: 'samba-db-log',
  group: 'services',
  takes: 'databases and logs of Samba',
  shell: 'rm -rf /var/lib/samba/*.tdb /var/lib/samba/*/*.tdb /var/log/samba/*',
});
