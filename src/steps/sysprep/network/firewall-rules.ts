// sysprep: rules of firewalld and iptables.

import { operation } from '../operation.ts';

export const FIREWALL_RULES = operation({
  name: 'firewall-rules',
  group: 'firewall',
  takes: 'rules of firewalld and iptables',
  isDefault: false,
  shell:
    'rm -f /etc/sysconfig/iptables /etc/sysconfig/ip6tables /etc/firewalld/services/* /etc/firewalld/zones/*',
});
