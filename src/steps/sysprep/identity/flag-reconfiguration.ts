// sysprep: nothing; it has old Red Hat systems ask for their configuration at boot.

import { operation } from '../operation.ts';

export const FLAG_RECONFIGURATION = operation({
  name: 'flag-reconfiguration',
  group: 'reconfiguration',
  takes: 'nothing; it has old Red Hat systems ask for their configuration at boot',
  isDefault: false,
  shell: 'touch /.unconfigured',
});
