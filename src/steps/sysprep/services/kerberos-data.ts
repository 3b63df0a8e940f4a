// sysprep: the database of a Kerberos server.

import { operation } from '../operation.ts';

export const KERBEROS_DATA = operation({
  name: 'kerberos-data',
  group: 'kerberos',
  takes: 'the database of a Kerberos server',
  isDefault: false,
  shell:
    'find /var/kerberos/krb5kdc/ -type f ! -name kadm5.acl ! -name kdc.conf -exec rm -f {} + 2>/dev/null || true',
});
