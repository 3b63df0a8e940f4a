// The versions of all packages, as `vlb layer lock` writes them into a file of the layer: lines of a name, an architecture and a version.

import { quoteWord } from '../../util/quote.ts';

/** What begins the lines that say how an installation differs from its lock. */
export const LOCK_PROBLEM = 'E: lock: ';

/** Lines that fail where `"$TMPDIR/installed"`, of the same form, has other versions than the lock. Without that file they do nothing. */
export function compareWithLock(lock: string): string {
  const file = quoteWord(`./${lock}`);
  return `if [ -e ${file} ]; then
  awk '/^#/ { next } NR == FNR { locked[$1 " " $2] = $3; next }
    !(($1 " " $2) in locked) { print "${LOCK_PROBLEM}" $1 " is not in it"; bad = 1; next }
    locked[$1 " " $2] != $3 { print "${LOCK_PROBLEM}" $1 " " locked[$1 " " $2] " is gone, there is " $3; bad = 1 }
    END { exit bad }' ${file} "$TMPDIR/installed" >&2
fi`;
}
