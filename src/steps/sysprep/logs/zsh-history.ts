// sysprep: histories of zsh.

import { operation } from '../operation.ts';

export const ZSH_HISTORY = operation({
  name: 'zsh-history',
  group: 'histories',
  takes: 'histories of zsh',
  shell: 'rm -f /root/.zsh_history /home/*/.zsh_history /root/.histfile /home/*/.histfile',
});
