// sysprep: the key for credentials of systemd, unless the image has credentials that need it.

import { operation } from '../operation.ts';

export const SYSTEMD_SECRETS = operation({
  name: 'systemd-secrets',
  group: 'seeds',
  takes: 'the key for credentials of systemd, unless the image has credentials that need it',
  shell: `if ! ls /etc/credstore.encrypted/* /usr/lib/credstore.encrypted/* >/dev/null 2>&1; then
  rm -f /var/lib/systemd/credential.secret
fi`,
});
