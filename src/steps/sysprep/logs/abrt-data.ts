// sysprep: reports of ABRT.

import { operation } from '../operation.ts';

export const ABRT_DATA = operation({
  name: 'abrt-data',
  group: 'crash',
  takes: 'reports of ABRT',
  shell: 'rm -rf /var/spool/abrt/* /var/lib/abrt/*',
});
