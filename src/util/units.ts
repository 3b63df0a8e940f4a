// Sizes and durations: parsed as users write them, formatted as users read them. Sizes are powers of 1024.

const SIZE_UNITS: Readonly<Record<string, number>> = {
  '': 1,
  K: 2 ** 10,
  M: 2 ** 20,
  G: 2 ** 30,
  T: 2 ** 40,
};
const DURATION_UNITS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3600, d: 86_400 };

/** Bytes of `512`, `64K`, `20G`, `1.5T` (powers of 1024, as qemu-img has them); undefined when it is not a size, or not positive. */
export function parseSize(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)([KMGT]?)(?:i?B)?$/i.exec(text);
  const unit = SIZE_UNITS[match?.[2]?.toUpperCase() ?? ''];
  if (!match?.[1] || unit === undefined) return undefined;
  // qcow2's virtual sizes are multiples of the sector.
  const bytes = Math.ceil((Number(match[1]) * unit) / 512) * 512;
  return bytes > 0 && Number.isSafeInteger(bytes) ? bytes : undefined;
}

/** Seconds of `90s`, `30m`, `2h`, `7d` or plain seconds; undefined when it is not a duration, or not positive. */
export function parseDuration(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)([smhd]?)$/.exec(text);
  if (!match?.[1]) return undefined;
  const seconds = Number(match[1]) * (DURATION_UNITS[match[2] || 's'] ?? 1);
  return seconds > 0 && Number.isFinite(seconds) ? seconds : undefined;
}

const SIZE_NAMES = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** `1.4 GiB` */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  // Rounded first: 1023.96 KiB would be shown as 1024 KiB.
  while (Math.round(value) >= 1024 && unit < SIZE_NAMES.length - 1) {
    value /= 1024;
    unit++;
  }
  const tenths = Math.round(value * 10) / 10;
  return `${unit === 0 || tenths >= 100 ? Math.round(value) : tenths.toFixed(1)} ${SIZE_NAMES[unit]}`;
}

/** `0.12 s`, `34.5 s`, `12 min 5 s`, `2 h 3 min` */
export function formatSeconds(seconds: number): string {
  if (seconds < 9.995) return `${seconds.toFixed(2)} s`;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.max(60, Math.floor(seconds));
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes} min ${whole % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** `30 min 0 s`, `7 days` */
export function formatDuration(seconds: number): string {
  const days = Math.round(seconds / 8640) / 10;
  return days < 1 ? formatSeconds(seconds) : `${days} ${days === 1 ? 'day' : 'days'}`;
}

/** `8.2 days ago`; a time in the future is shown as that. */
export function formatAge(seconds: number): string {
  if (Number.isNaN(seconds)) return 'at an unknown time';
  return seconds < 0 ? `${formatDuration(-seconds)} ahead of the clock` : `${formatDuration(seconds)} ago`;
}
