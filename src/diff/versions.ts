// The order of package versions by deb-version(7). That of rpm is the same for versions written in the usual way.

/** Negative, 0 or positive when `a` is older than, equal to or newer than `b`. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [parts(a), parts(b)];
  return (
    left.epoch - right.epoch ||
    comparePart(left.upstream, right.upstream) ||
    comparePart(left.revision, right.revision)
  );
}

/** `epoch:upstream-revision` */
function parts(version: string): { epoch: number; upstream: string; revision: string } {
  const [, epoch, rest = ''] = /^(?:(\d+):)?(.*)$/.exec(version) ?? [];
  const hyphen = rest.lastIndexOf('-');
  return {
    epoch: Number(epoch ?? 0),
    upstream: hyphen < 0 ? rest : rest.slice(0, hyphen),
    revision: hyphen < 0 ? '' : rest.slice(hyphen + 1),
  };
}

/** Compares alternately non-digits, character by character, and numbers. */
function comparePart(a: string, b: string): number {
  const [left, right] = [pieces(a), pieces(b)];
  for (let at = 0; at < Math.max(left.length, right.length); at++) {
    const [one = '', other = ''] = [left[at], right[at]];
    const order = at % 2 === 0 ? compareText(one, other) : compareNumbers(one, other);
    if (order !== 0) return order;
  }
  return 0;
}

/** `1.10~rc` → '', 1, '.', 10, '~rc' */
function pieces(text: string): string[] {
  const [first = '', ...rest] = text.split(/(\d+)/);
  return [first, ...rest];
}

function compareNumbers(a: string, b: string): number {
  const difference = BigInt(a || 0) - BigInt(b || 0);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

function compareText(a: string, b: string): number {
  for (let at = 0; at < Math.max(a.length, b.length); at++) {
    const order = weight(a[at]) - weight(b[at]);
    if (order !== 0) return order;
  }
  return 0;
}

/** A tilde before everything, even the end; letters before all other characters. */
function weight(character: string | undefined): number {
  if (character === '~') return -1;
  if (character === undefined) return 0;
  const code = character.charCodeAt(0);
  return /[A-Za-z]/.test(character) ? code : code + 256;
}
