// sysprep: the accounting of processes.

import { operation } from '../operation.ts';

export const PACCT_LOG = operation({
  name: 'pacct-log',
  group: 'logs',
  takes: 'the accounting of processes',
  shell: `for file in /var/account/pacct /var/log/account/pacct; do
  [ ! -f "$file" ] || : >"$file"
done`,
});
