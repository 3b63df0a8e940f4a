// What distinguishes one machine from another: a script that prints it in a guest, and what two guests have in common.

import { createHash } from 'node:crypto';
import type { Identity, TwoCopies } from '../../../model/ports/booter.ts';

/**
 * Prints a line for each property: what it is, where it is from, and its value, separated by tabs. Secrets are printed as digests.
 * Services that make such values at the first boot are waited for. Needs a POSIX shell, and finds less without systemd.
 *
 * What is looked at: machine-id(5), sshd(8), hostname(5), networkctl(1), dhclient.leases(5), dhcpcd(8), NetworkManager(8),
 * systemd-random-seed.service(8), iscsi-iname(8).
 */
export const IDENTITY_SCRIPT = String.raw`
exec 2> /dev/null
command -v systemctl > /dev/null && systemctl is-system-running --wait > /dev/null
show() { while IFS= read -r value; do [ -z "$value" ] || printf '%s\t%s\t%s\n' "$1" "$2" "$value"; done; }
secret() { for file in "$@"; do [ ! -s "$file" ] || sha256sum < "$file" | show "$what" "$file"; done; }
show machine-id /etc/machine-id < /etc/machine-id
[ -L /var/lib/dbus/machine-id ] || show machine-id /var/lib/dbus/machine-id < /var/lib/dbus/machine-id
for file in /etc/ssh/ssh_host_*_key.pub; do cut -d ' ' -f 2 < "$file" | show 'SSH host key' "$file"; done
show 'host name' /etc/hostname < /etc/hostname
networkctl status --all --no-pager | sed -n 's/^ *DHCP[46] Client \(ID\|DUID\): *//p' | show 'DHCP client id' networkctl
for file in /var/lib/dhcp/*.leases /var/lib/dhclient/*.leases; do
  sed -n 's/^ *default-duid "\(.*\)";$/\1/p' "$file" | show 'DHCP client id' "$file"
done
for file in /var/lib/dhcpcd/duid /etc/dhcpcd.duid; do show 'DHCP client id' "$file" < "$file"; done
what='NetworkManager secret key' secret /var/lib/NetworkManager/secret_key
what='random seed' secret /var/lib/systemd/random-seed /var/lib/urandom/random-seed /var/lib/random-seed /var/lib/misc/random-seed
sed -n 's/^InitiatorName=//p' /etc/iscsi/initiatorname.iscsi | show 'iSCSI initiator name' /etc/iscsi/initiatorname.iscsi
:
`;

/** A host name is a matter of taste: the same one may be meant. */
const MAY_BE_SAME = 'host name';

/** What two guests that ran the script have in common. */
export function compareIdentities(one: string, other: string): TwoCopies {
  const [before, after] = [identitiesIn(one), identitiesIn(other)];
  const isShared = (identity: Identity) => after.some((own) => textOf(own) === textOf(identity));
  const shared = before.filter(isShared);
  const names = new Set(shared.map(({ what, file }) => `${what}\t${file}`));
  return {
    same: shared.filter(({ what }) => what !== MAY_BE_SAME),
    notes: shared.filter(({ what }) => what === MAY_BE_SAME),
    different: before
      .filter(({ what, file }) => !names.has(`${what}\t${file}`))
      .map(({ what, file }) => ({ what, file })),
  };
}

function identitiesIn(output: string): readonly Identity[] {
  const found = output.split('\n').flatMap((line) => {
    const [what = '', file = '', value = ''] = line.split('\t');
    return value === '' || value === UNINITIALIZED ? [] : [{ what, file, value: shownValue(what, value) }];
  });
  return [...new Map(found.map((identity) => [textOf(identity), identity])).values()];
}

/** What is in /etc/machine-id until the first boot. */
const UNINITIALIZED = 'uninitialized';

function textOf({ what, file, value }: Identity): string {
  return [what, file, value].join('\t');
}

/** A public key as ssh-keygen shows it. */
function shownValue(what: string, value: string): string {
  if (what !== 'SSH host key') return value;
  const digest = createHash('sha256').update(Buffer.from(value, 'base64')).digest('base64');
  return `SHA256:${digest.replace(/=+$/, '')}`;
}
