// sysprep: journals and rotated logs; other logs are emptied, so that their owners and modes stay.

import { operation } from '../operation.ts';

export const LOGFILES = operation({
  name: 'logfiles',
  group: 'logs',
  takes: 'journals and rotated logs; other logs are emptied, so that their owners and modes stay',
  shell: String.raw`rm -rf /var/log/journal/* /var/log/anaconda /var/log/installer
find /var/log -type f '(' -name '*.gz' -o -name '*.xz' -o -name '*.zst' -o -name '*.bz2' -o -name '*.old' \
  -o -name '*.[0-9]' -o -name '*-20[0-9][0-9][0-9][0-9][0-9][0-9]' ')' -exec rm -f {} +
find /var/log -type f -exec truncate -s 0 {} +
rm -f /root/anaconda-ks.cfg /root/original-ks.cfg /root/install.log /root/install.log.syslog
rm -rf /var/cache/man/* /var/cache/fontconfig/* /var/cache/ldconfig/*`,
});
