// sysprep: jobs of users for cron and at.

import { operation } from '../operation.ts';

export const CRON_SPOOL = operation({
  name: 'cron-spool',
  group: 'mail-cron',
  takes: 'jobs of users for cron and at',
  shell: 'find /var/spool/cron/ /var/spool/at/ -type f ! -name .SEQ -exec rm -f {} + 2>/dev/null || true',
});
