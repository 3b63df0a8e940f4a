// sysprep: who was logged in.

import { operation } from '../operation.ts';

export const UTMP = operation({
  name: 'utmp',
  group: 'logs',
  takes: 'who was logged in',
  shell: 'rm -f /var/run/utmp /run/utmp /var/lib/wtmpdb/wtmp.db /var/lib/lastlog/lastlog2.db',
});
