// sysprep: the key of the host for Kerberos.

import { operation } from '../operation.ts';

export const KERBEROS_HOSTKEYTAB = operation({
  name: 'kerberos-hostkeytab',
  group: 'services',
  takes: 'the key of the host for Kerberos',
  shell: 'rm -f /etc/krb5.keytab',
});
