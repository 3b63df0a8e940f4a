// Whether to show progress live.

/** True on a terminal that can move its cursor, unless in CI. CI=false and CI=0 do not count as CI. */
export function isLive(
  stream: { readonly isTTY?: boolean },
  env: Readonly<Record<string, string | undefined>>,
): boolean {
  const inCI = !['', '0', 'false'].includes(env['CI'] ?? '');
  return stream.isTTY === true && env['TERM'] !== 'dumb' && !inCI;
}
