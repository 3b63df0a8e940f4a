// sysprep: histories of bash, and those of less, vim and others.

import { operation } from '../operation.ts';

export const BASH_HISTORY = operation({
  name: 'bash-history',
  group: 'histories',
  takes: 'histories of bash, and those of less, vim and others',
  shell: `rm -f /root/.bash_history /home/*/.bash_history
rm -f /root/.lesshst /home/*/.lesshst /root/.viminfo /home/*/.viminfo /root/.python_history /home/*/.python_history`,
});
