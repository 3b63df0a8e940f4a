// sysprep: the name and id of the NVMe host.

import { operation } from '../operation.ts';

export const NVME_HOST = operation({
  name: 'nvme-host',
  group: 'seeds',
  takes: 'the name and id of the NVMe host',
  shell: 'rm -f /etc/nvme/hostid /etc/nvme/hostnqn',
});
