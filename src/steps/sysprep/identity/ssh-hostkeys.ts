// sysprep: the SSH host keys; a unit makes new ones at boot where the image has no other.

import { operation } from '../operation.ts';

/**
 * Debian before 13 makes them only when openssh-server is installed, so sshd would not start. The unit of Debian 13 is only for
 * a first boot, see ConditionFirstBoot in systemd.unit(5), which that of a clone is not.
 */
export const SSH_HOSTKEYS = operation({
  name: 'ssh-hostkeys',
  group: 'ssh-keys',
  takes: 'the SSH host keys; a unit makes new ones at boot where the image has no other',
  shell: `rm -f /etc/ssh/ssh_host_*
if [ -x /usr/sbin/sshd ] && [ -d /etc/systemd/system ] && ! grep -L ConditionFirstBoot /usr/lib/systemd/system/sshd-keygen* 2>/dev/null | grep -q .; then
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
