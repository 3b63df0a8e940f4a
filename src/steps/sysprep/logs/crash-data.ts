// sysprep: dumps of crashes.

import { operation } from '../operation.ts';

export const CRASH_DATA = operation({
  name: 'crash-data',
  group: 'crash',
  takes: 'dumps of crashes',
  shell: 'rm -rf /var/crash/* /var/log/dump/* /var/lib/systemd/coredump/*',
});
