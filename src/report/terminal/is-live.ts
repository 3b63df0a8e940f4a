// Whether progress is shown live.

/** On a terminal that can move its cursor and is nobody's log. CI=false and CI=0 are no CI. */
export function isLive(
  stream: { readonly isTTY?: boolean },
  env: Readonly<Record<string, string | undefined>>,
): boolean {
  const inCI = !['', '0', 'false'].includes(env['CI'] ?? '');
  return stream.isTTY === true && env['TERM'] !== 'dumb' && !inCI;
}
