// sysprep: the SSH host keys; a unit makes new ones at boot where the image has no other.

import { operation } from '../operation.ts';

/** Debian before 13 makes them only when openssh-server is installed, so sshd would not start. */
export const SSH_HOSTKEYS = operation({
  name: 'ssh-hostkeys',
  group: 'ssh-keys',
  takes: 'the SSH host keys; a unit makes new ones at boot where the image has no other',
  shell: `rm -f /etc/ssh/ssh_host_*
if [ -x /usr/sbin/sshd ] && [ -d /etc/systemd/system ] && ! ls /usr/lib/systemd/system/sshd-keygen* >/dev/null 2>&1; then
  cat >/etc/systemd/system/ssh-hostkeys.service <<'EOF'
[Unit]
Description=SSH host keys of this machine
ConditionPathExistsGlob=!/etc/ssh/ssh_host_*_key
Before=ssh.service sshd.service

[Service]
Type=oneshot
ExecStart=/usr/bin/ssh-keygen -A

[Install]
WantedBy=multi-user.target
EOF
  systemctl enable ssh-hostkeys.service
fi`,
});
