// What the entries of a layout are called, and what they are mounted as: for the planner, and for messages.

import type { PartitionWish } from '../model/system/layout.ts';

/** What is wrong, as a sentence, and where: a path of fields in the layout. */
export interface LayoutProblem {
  readonly path: readonly (string | number)[];
  readonly message: string;
  readonly hint?: string;
}

/** A partition in words: `/boot`, `the swap`, `partition 3`. */
export function nameOf(wish: PartitionWish, index: number): string {
  const { mount, format, subvolumes = [], volume, group } = wish;
  const target = mount ?? subvolumes.find((one) => one.mount !== undefined)?.mount;
  if (target !== undefined) return target;
  if (volume) return `${volume.group}/${volume.name}`;
  if (group !== undefined) return `the partition of ${group}`;
  return format === 'swap' ? 'the swap' : `partition ${index + 1} of the list`;
}

/** All mounts of a partition, with the path of each. */
export function mountsOf(
  { mount, subvolumes = [] }: PartitionWish,
  index: number,
): readonly { readonly target: string; readonly path: LayoutProblem['path'] }[] {
  const place = ['partitions', index];
  return [
    ...(mount === undefined ? [] : [{ target: mount, path: [...place, 'mount'] }]),
    ...subvolumes.flatMap((one, at) =>
      one.mount === undefined ? [] : [{ target: one.mount, path: [...place, 'subvolumes', at, 'mount'] }],
    ),
  ];
}

/** Whether a partition is the EFI system partition. */
export function isEsp(wish: PartitionWish, index: number): boolean {
  return wish.format === 'vfat' && mountsOf(wish, index).some(({ target }) => target === '/boot/efi');
}
