// sysprep: the secret of NetworkManager, from which it derives addresses and ids of clients.

import { operation } from '../operation.ts';

export const NM_SECRETS = operation({
  name: 'nm-secrets',
  group: 'seeds',
  takes: 'the secret of NetworkManager, from which it derives addresses and ids of clients',
  shell:
    'rm -f /var/lib/NetworkManager/secret_key /var/lib/NetworkManager/seen-bssids /var/lib/NetworkManager/timestamps',
});
