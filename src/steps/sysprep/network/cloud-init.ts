// sysprep: what cloud-init knows of this instance, and its logs.

import { operation } from '../operation.ts';

export const CLOUD_INIT = operation({
  name: 'cloud-init',
  group: 'cloud-init',
  takes: 'what cloud-init knows of this instance, and its logs',
  shell: `if [ -d /var/lib/cloud ]; then
  rm -rf /var/lib/cloud/* /var/log/cloud-init.log /var/log/cloud-init-output.log
  rm -f /etc/netplan/50-cloud-init.yaml /etc/network/interfaces.d/50-cloud-init*
  rm -f /etc/NetworkManager/system-connections/cloud-init-*.nmconnection
fi`,
});
