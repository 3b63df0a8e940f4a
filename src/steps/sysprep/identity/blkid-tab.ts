// sysprep: the cache of blkid.

import { operation } from '../operation.ts';

export const BLKID_TAB = operation({
  name: 'blkid-tab',
  group: 'caches',
  takes: 'the cache of blkid',
  shell: 'rm -f /etc/blkid.tab /etc/blkid.tab.old /etc/blkid/blkid.tab',
});
