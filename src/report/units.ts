// Sizes and times as people read them.

const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

/** `1.4 GiB` */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  // Rounded first: 1023.96 KiB would be shown as 1024 KiB.
  while (Math.round(value) >= 1024 && unit < UNITS.length - 1) {
    value /= 1024;
    unit++;
  }
  const tenths = Math.round(value * 10) / 10;
  return `${unit === 0 || tenths >= 100 ? Math.round(value) : tenths.toFixed(1)} ${UNITS[unit]}`;
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

/** `8.2 days ago`; a time that the clock has not come to is told as that. */
export function formatAge(seconds: number): string {
  if (Number.isNaN(seconds)) return 'at an unknown time';
  return seconds < 0 ? `${formatDuration(-seconds)} ahead of the clock` : `${formatDuration(seconds)} ago`;
}
