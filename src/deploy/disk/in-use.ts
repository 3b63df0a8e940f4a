// What uses a block device, from what the kernel says of it: decided from texts, so that it can be tested without devices.

/** The device and its partitions. */
export interface DeviceNode {
  /** `sdb1` */
  readonly name: string;
  /** `8:17` */
  readonly number: string;
  /** The names of devices that are made of it, of its directory `holders`: `dm-0`, `md127`. */
  readonly holders: readonly string[];
}

/**
 * What uses a device or one of its partitions, a phrase each; empty when nothing is known to.
 * @param mounts the text of /proc/self/mountinfo
 * @param swaps the text of /proc/swaps
 */
export function usersOf(nodes: readonly DeviceNode[], mounts: string, swaps: string): readonly string[] {
  const lines = mounts.split('\n').map((line) => line.split(' '));
  const swapped = swaps.split('\n').map((line) => line.split(/\s/)[0]);
  return nodes.flatMap(({ name, number, holders }) => [
    ...lines
      .filter((fields) => fields[2] === number)
      .map((fields) => `${name} is mounted on ${unescaped(fields[4] ?? '')}`),
    ...(swapped.includes(`/dev/${name}`) ? [`${name} is swap space`] : []),
    ...holders.map((holder) => `${name} is a part of ${holder}`),
  ]);
}

/** The kernel writes `\040` for a space in a path. */
function unescaped(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_all, digits: string) => String.fromCharCode(parseInt(digits, 8)));
}

/** The types that `wipefs --json` lists, each once; empty for a device without any. */
export function signaturesIn(json: string): readonly string[] {
  if (json.trim() === '') return [];
  const { signatures }: { readonly signatures: readonly { readonly type: string }[] } = JSON.parse(json); // util-linux's form
  return [...new Set(signatures.map(({ type }) => type))];
}
