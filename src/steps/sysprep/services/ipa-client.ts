// sysprep: the enrollment in FreeIPA.

import { operation } from '../operation.ts';

export const IPA_CLIENT = operation({
  name: 'ipa-client',
  group: 'services',
  takes: 'the enrollment in FreeIPA',
  shell:
    'rm -rf /etc/ipa/ca.crt /etc/ipa/default.conf /var/lib/ipa-client/sysrestore/* /var/lib/ipa-client/pki/*',
});
