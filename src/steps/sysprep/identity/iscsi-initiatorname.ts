// sysprep: the name of the iSCSI initiator; its service makes another one where it can.

import { operation } from '../operation.ts';

export const ISCSI_INITIATORNAME = operation({
  name: 'iscsi-initiatorname',
  group: 'seeds',
  takes: 'the name of the iSCSI initiator; its service makes another one where it can',
  shell: `if [ -e /etc/iscsi/initiatorname.iscsi ]; then
  rm /etc/iscsi/initiatorname.iscsi
  # Debian’s open-iscsi makes one at boot if the file says so.
  if [ -x /usr/lib/open-iscsi/startup-checks.sh ] || [ -x /lib/open-iscsi/startup-checks.sh ]; then
    echo GenerateName=yes >/etc/iscsi/initiatorname.iscsi
  fi
fi`,
});
