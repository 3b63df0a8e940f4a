// sysprep: local mail.

import { operation } from '../operation.ts';

export const MAIL_SPOOL = operation({
  name: 'mail-spool',
  group: 'mail-cron',
  takes: 'local mail',
  shell: 'find /var/mail/ /var/spool/mail/ -mindepth 1 -delete 2>/dev/null || true',
});
