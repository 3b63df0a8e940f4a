// "Did you mean …": the valid word nearest to a mistyped one.

/** The candidate at the least edit distance, or undefined when none is near enough to be meant. */
export function nearest(word: string, candidates: readonly string[]): string | undefined {
  const ranked = candidates
    .map((candidate) => ({ candidate, distance: editDistance(word, candidate) }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  // A word of one or two letters is near to everything.
  const most = Math.min(Math.max(2, Math.floor(word.length / 3)), word.length - 1);
  return best && best.distance <= most ? best.candidate : undefined;
}

/** The hint for a mistyped word: the nearest candidate, as `shown`, or else other advice. */
export function guessHint(
  word: string,
  candidates: readonly string[],
  otherwise: string,
  shown = (guess: string) => guess,
): string {
  const guess = nearest(word, candidates);
  return guess === undefined ? otherwise : `did you mean ${shown(guess)}?`;
}

/** Levenshtein's distance. */
function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (const [i, left] of [...a].entries()) {
    const next = [i + 1];
    for (const [j, right] of [...b].entries()) {
      next.push(
        Math.min((row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1, (row[j] ?? 0) + (left === right ? 0 : 1)),
      );
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
