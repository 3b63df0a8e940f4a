// sysprep: times of log-ins and failures that PAM keeps.

import { operation } from '../operation.ts';

export const PAM_DATA = operation({
  name: 'pam-data',
  group: 'services',
  takes: 'times of log-ins and failures that PAM keeps',
  shell: 'rm -rf /var/run/console/* /var/run/faillock/* /var/lib/faillock/* /var/run/sepermit/*',
});
