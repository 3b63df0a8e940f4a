// sysprep: certificates and logs of Puppet.

import { operation } from '../operation.ts';

export const PUPPET_DATA_LOG = operation({
  name: 'puppet-data-log',
  group: 'services',
  takes: 'certificates and logs of Puppet',
  shell:
    'rm -rf /var/lib/puppet/*/* /var/lib/puppet/ssl /etc/puppetlabs/puppet/ssl /var/log/puppet/* /var/log/puppetlabs/puppet/*',
});
