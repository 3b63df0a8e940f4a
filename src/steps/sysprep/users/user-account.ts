// sysprep: the accounts of users, with their home directories.

import { operation } from '../operation.ts';

export const USER_ACCOUNT = operation({
  name: 'user-account',
  group: 'users',
  takes: 'the accounts of users, with their home directories',
  isDefault: false,
  shell: `least=$(sed -n -E 's/^UID_MIN[[:space:]]+//p' /etc/login.defs)
most=$(sed -n -E 's/^UID_MAX[[:space:]]+//p' /etc/login.defs)
getent passwd | while IFS=: read -r name _ number _; do
  if [ "$number" -ge "\${least:-1000}" ] && [ "$number" -le "\${most:-60000}" ]; then userdel -r -f "$name"; fi
done`,
});
