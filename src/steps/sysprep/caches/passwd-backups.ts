// sysprep: copies of the files of users and groups, which have old passwords.

import { operation } from '../operation.ts';

export const PASSWD_BACKUPS = operation({
  name: 'passwd-backups',
  group: 'histories',
  takes: 'copies of the files of users and groups, which have old passwords',
  shell: 'rm -f /etc/passwd- /etc/shadow- /etc/group- /etc/gshadow- /etc/subuid- /etc/subgid-',
});
