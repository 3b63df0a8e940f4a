// Sizes and durations as people write them.

const SIZE_UNITS: Readonly<Record<string, number>> = {
  '': 1,
  K: 2 ** 10,
  M: 2 ** 20,
  G: 2 ** 30,
  T: 2 ** 40,
};
const DURATION_UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** Bytes of `512`, `64K`, `20G`, `1.5T` (powers of 1024, as qemu-img has them); undefined when it is no such size, or not positive. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)([KMGT]?)(?:i?B)?$/i.exec(text);
  const unit = SIZE_UNITS[match?.[2]?.toUpperCase() ?? ''];
  if (!match?.[1] || unit === undefined) return undefined;
  // qcow2's virtual sizes are multiples of the sector.
  const bytes = Math.ceil((Number(match[1]) * unit) / 512) * 512;
  return bytes > 0 && Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** Seconds of `90s`, `30m`, `2h`, `7d` or plain seconds; undefined when it is no such duration, or not positive. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)([smhd]?)$/.exec(text);
  if (!match?.[1]) return undefined;
  const seconds = Number(match[1]) * (DURATION_UNITS[match[2] || 's'] ?? 1);
  return seconds > 0 && Number.isFinite(seconds) ? seconds : undefined;
}
