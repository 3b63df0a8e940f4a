// sysprep: the seeds of random numbers, also that of systemd-boot.

import { operation } from '../operation.ts';

export const RANDOM_SEED = operation({
  name: 'random-seed',
  group: 'seeds',
  takes: 'the seeds of random numbers, also that of systemd-boot',
  shell: `rm -f /var/lib/systemd/random-seed /var/lib/random-seed /var/lib/urandom/random-seed
rm -f /boot/loader/random-seed /boot/efi/loader/random-seed /efi/loader/random-seed`,
});
