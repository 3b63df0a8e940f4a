// sysprep: the directories .ssh of users, with the keys that let them log in.

import { operation } from '../operation.ts';

export const SSH_USERDIR = operation({
  name: 'ssh-userdir',
  group: 'authorized-keys',
  takes: 'the directories .ssh of users, with the keys that let them log in',
  isDefault: false,
  shell: 'rm -rf /root/.ssh /home/*/.ssh',
});
