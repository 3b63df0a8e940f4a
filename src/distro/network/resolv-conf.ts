// The name servers of an image in which no program manages /etc/resolv.conf.

import type { NetworkSettings } from './port.ts';

/** Lines of shell for settings that systemd-networkd has: without systemd-resolved, nothing reads their name servers. */
export function resolvedOrFile(settings: NetworkSettings): readonly string[] {
  if (settings.dns.length === 0) return [];
  return [
    'if [ -e /usr/lib/systemd/systemd-resolved ] || [ -e /lib/systemd/systemd-resolved ]; then',
    '  systemctl enable systemd-resolved',
    'else',
    `  ${writeResolvConf(settings)}`,
    'fi',
  ];
}

/** A line of shell that writes the file in the place of a link that may be there. */
export function writeResolvConf({ dns, domains }: NetworkSettings): string {
  const lines = [
    ...dns.map((server) => `nameserver ${server}`),
    ...(domains.length === 0 ? [] : [`search ${domains.join(' ')}`]),
  ];
  return `printf '%s\\n' ${lines.map((line) => `'${line}'`).join(' ')} >/etc/resolv.conf`;
}
