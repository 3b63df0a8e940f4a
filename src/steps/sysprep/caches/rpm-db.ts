// sysprep: environments of old RPM databases, which belong to the machine.

import { operation } from '../operation.ts';

export const RPM_DB = operation({
  name: 'rpm-db',
  group: 'caches',
  takes: 'environments of old RPM databases, which belong to the machine',
  shell: 'rm -f /var/lib/rpm/__db.*',
});
