// sysprep: what is in /tmp and /var/tmp.

import { operation } from '../operation.ts';

export const TMP_FILES = operation({
  name: 'tmp-files',
  group: 'caches',
  takes: 'what is in /tmp and /var/tmp',
  shell: `find /var/tmp/ -mindepth 1 -delete 2>/dev/null || true
# While a layer runs, /tmp is in memory, and the image’s own is below it.
mkdir -p /run/image
if mount --bind / /run/image; then
  find /run/image/tmp/ -xdev -mindepth 1 -delete 2>/dev/null || true
  umount /run/image
fi
rmdir /run/image`,
});
