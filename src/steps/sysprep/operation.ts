// What an operation of the step sysprep is: something that belongs to one machine and is taken out of an image, so that each of its
// clones makes its own.

export interface Operation {
  /** As virt-sysprep(1) names it, where it has it. */
  readonly name: string;
  /** One of some groups, by which several are named at once. */
  readonly group: string;
  /** What it takes away. */
  readonly takes: string;
  /** Whether it runs unless it is excluded. */
  readonly isDefault: boolean;
  /** Lines of shell, for an image that may have none of the files. */
  readonly shell: string;
}

/** An operation; one of the defaults unless it says otherwise. */
export function operation(given: Omit<Operation, 'isDefault'> & { readonly isDefault?: boolean }): Operation {
  return { isDefault: true, ...given };
}

/** Operations of virt-sysprep that vlb does not have, and why. */
export const NOT_SUPPORTED: ReadonlyMap<string, string> = new Map([
  ['ca-certificates', 'it removes the certificates of authorities, without which nothing can be verified'],
  ['fs-uuids', 'it breaks /etc/fstab and the boot loader'],
  ['lvm-uuids', 'it needs volume groups that are not in use'],
  ['customize', 'use other steps'],
  ['script', 'use the step "script" or "run"'],
]);
