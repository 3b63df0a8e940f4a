// sysprep: the self-signed certificate of Debian’s ssl-cert and its key; a unit makes new ones at boot.

import { operation } from '../operation.ts';

export const SNAKEOIL = operation({
  name: 'snakeoil',
  group: 'seeds',
  takes: 'the self-signed certificate of Debian’s ssl-cert and its key; a unit makes new ones at boot',
  shell: `if [ -e /etc/ssl/private/ssl-cert-snakeoil.key ] && [ -x /usr/sbin/make-ssl-cert ]; then
  rm -f /etc/ssl/private/ssl-cert-snakeoil.key /etc/ssl/certs/ssl-cert-snakeoil.pem
  cat >/etc/systemd/system/ssl-cert-snakeoil.service <<'EOF'
[Unit]
Description=Self-signed certificate of this machine
ConditionPathExists=!/etc/ssl/private/ssl-cert-snakeoil.key
Before=network.target

[Service]
Type=oneshot
ExecStart=/usr/sbin/make-ssl-cert generate-default-snakeoil

[Install]
WantedBy=multi-user.target
EOF
  systemctl enable ssl-cert-snakeoil.service
fi`,
});
