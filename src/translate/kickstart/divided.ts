// The sizes that a script of %pre gives partitions by parted(8).

const MIB = 1024 * 1024;

/** The sizes in MiB of the partitions that parted(8) makes in a script, in their order; `rest` for one that ends with the disk. */
export function dividedSizes(script: string): readonly (number | 'rest')[] {
  const sizes: (number | 'rest')[] = [];
  for (const [, from = '', to = ''] of script.matchAll(
    /\bmkpart\b[^\n]*?\s(\d+(?:\.\d+)?(?:[KMGT]i?B|s|%)?)\s+(\d+(?:\.\d+)?(?:[KMGT]i?B|s|%)?)(?=\s|$)/gm,
  )) {
    const [start, end] = [inMib(from), inMib(to)];
    sizes.push(end === undefined ? 'rest' : Math.floor(end - (start ?? 0)));
  }
  return sizes;
}

/** A place on a disk as parted has it; undefined for a part of the whole disk, which is its end. */
function inMib(text: string): number | undefined {
  const [, number = '0', unit = 'MB'] = /^([\d.]+)(.*)$/.exec(text) ?? [];
  const units: Readonly<Record<string, number>> = {
    s: 512,
    kB: 1e3,
    KB: 1e3,
    MB: 1e6,
    GB: 1e9,
    TB: 1e12,
    KiB: 1024,
    MiB: MIB,
    GiB: 1024 * MIB,
    TiB: MIB * MIB,
  };
  const factor = units[unit === '' ? 'MB' : unit];
  return factor === undefined ? undefined : (Number(number) * factor) / MIB;
}
