// What is wrong with LVM and LUKS in a layout, apart from sizes.

import type { DiskLayout, PartitionWish } from '../model/system/layout.ts';
import { type LayoutProblem, mountsOf, nameOf } from './names.ts';

/** The first problem of one entry of the list that is a volume, or has others. */
export function checkVolume(wish: PartitionWish, index: number): LayoutProblem | undefined {
  const { volume, group, passphrase, format } = wish;
  const path = ['partitions', index];
  if (volume && group !== undefined) {
    const message = `${nameOf(wish, index)} is a volume, and cannot be a part of a volume group`;
    return { path: [...path, 'volume-group'], message, hint: 'leave "volume-group" out' };
  }
  if (volume && passphrase !== undefined) {
    const message = `${nameOf(wish, index)} is a volume, and cannot be encrypted alone`;
    const hint = `give the passphrase to the partition of its group: { volume-group: ${volume.group}, size: rest, passphrase: ${passphrase} }`;
    return { path: [...path, 'passphrase'], message, hint };
  }
  if (group === undefined || (format === 'none' && mountsOf(wish, index).length === 0)) return undefined;
  return {
    path: [...path, 'volume-group'],
    message: `a partition of the volume group ${group} has no file system of its own`,
    hint: `give it to a volume: { mount: /srv, volume: ${group}/srv, size: rest }`,
  };
}

/** The first problem of all volumes together. */
export function checkVolumes({ partitions }: DiskLayout): LayoutProblem | undefined {
  const seen = new Set<string>();
  for (const [index, { volume }] of partitions.entries()) {
    if (!volume) continue;
    const name = `${volume.group}/${volume.name}`;
    if (seen.has(name)) {
      return { path: ['partitions', index, 'volume'], message: `two volumes have the name ${name}` };
    }
    seen.add(name);
  }
  return undefined;
}

/** What firmware and boot loader read has to be in a plain partition. */
export function checkBoot({ partitions, boot }: DiskLayout): LayoutProblem | undefined {
  if (boot.length === 0) return undefined;
  const mounts = partitions.flatMap((wish, index) =>
    mountsOf(wish, index).map((mount) => ({ ...mount, wish })),
  );
  const home = mounts.find(({ target }) => target === '/boot') ?? mounts.find(({ target }) => target === '/');
  const esp = mounts.find(({ target }) => target === '/boot/efi');
  for (const { target, path, wish } of [home, esp].flatMap((one) => one ?? [])) {
    const on = wish.volume ? 'on LVM' : wish.passphrase === undefined ? undefined : 'encrypted';
    if (on === undefined) continue;
    const message = `${target} is ${on}, from where vlb cannot boot`;
    const hint =
      target === '/'
        ? 'add a partition for what is read at boot: { mount: /boot, size: 512M }'
        : 'make it a partition of its own, without "volume" and "passphrase"';
    return { path, message, hint };
  }
  return undefined;
}
