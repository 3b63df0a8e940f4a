// sysprep: the subscription of RHEL.

import { operation } from '../operation.ts';

export const RH_SUBSCRIPTION_MANAGER = operation({
  name: 'rh-subscription-manager',
  group: 'subscriptions',
  takes: 'the subscription of RHEL',
  shell: 'rm -rf /etc/pki/consumer/* /etc/pki/entitlement/* /var/lib/rhsm/*',
});
