// sysprep: the machine’s id, which its DHCP client is known by.

import { operation } from '../operation.ts';

/**
 * An empty file is filled at the next boot. Without one, systemd would also apply the presets of all services: machine-
 * id(5), "First Boot Semantics".
 */
export const MACHINE_ID = operation({
  name: 'machine-id',
  group: 'machine-id',
  takes: 'the machine’s id, which its DHCP client is known by',
  shell: `if [ -e /etc/machine-id ]; then : >/etc/machine-id; fi
if [ -f /var/lib/dbus/machine-id ]; then ln -sf /etc/machine-id /var/lib/dbus/machine-id; fi`,
});
