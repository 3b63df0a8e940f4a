// Divides the space of a disk: fixed sizes, and those that share the rest. All numbers are whole units of the alignment.

/** A size that is fixed, or one that takes an equal share of the rest, at least and at most this much. */
export interface Share {
  readonly least: number;
  readonly most: number;
}

export type Division =
  | { readonly ok: true; readonly sizes: readonly number[] }
  /** By how much it does not fit. */
  | { readonly ok: false; readonly lacking: number };

/**
 * The sizes of all shares. Those whose `most` is more than their `least` get what is left, all the same amount in the end as far as
 * their bounds allow; what cannot be divided goes to the first of them.
 */
export function divide(space: number, shares: readonly Share[]): Division {
  const sizes = shares.map(({ least }) => least);
  let left = space - sizes.reduce((sum, size) => sum + size, 0);
  if (left < 0) return { ok: false, lacking: -left };
  // The smallest grow first: to the next larger size or bound, or by an equal part of what is left.
  for (;;) {
    const growing = [...shares.keys()].filter((index) => sizeAt(index) < mostAt(index));
    const [first] = growing;
    if (first === undefined || left === 0) return { ok: true, sizes };
    const smallest = Math.min(...growing.map(sizeAt));
    const lowest = growing.filter((index) => sizeAt(index) === smallest);
    const next = Math.min(
      ...growing.map(sizeAt).filter((size) => size > smallest),
      ...lowest.map(mostAt),
      smallest + Math.floor(left / lowest.length),
    );
    if (next === smallest) {
      // Less than a unit for each.
      for (const index of lowest.slice(0, left)) sizes[index] = smallest + 1;
      return { ok: true, sizes };
    }
    for (const index of lowest) sizes[index] = next;
    left -= (next - smallest) * lowest.length;
  }

  function sizeAt(index: number): number {
    return sizes[index] ?? 0;
  }
  function mostAt(index: number): number {
    return shares[index]?.most ?? 0;
  }
}
