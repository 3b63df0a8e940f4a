// The script of a job: a build of one layer, whose events are its output.

import { quoteCommand, quoteWord } from '../../util/quote.ts';

export interface JobCommand {
  /** Absolute path of vlb here; a node that has none there uses that of its PATH. */
  readonly launcher: string;
  /** What follows `vlb`. */
  readonly words: readonly string[];
  /** What follows `vlb` to remove the store of the job. */
  readonly clear: readonly string[];
  /** The name of the job in claims, which stays when the engine begins it again. */
  readonly job: string;
}

/**
 * The script. State and results are on the node, and removed at the end. Lines of its own are events of the types in
 * src/workspace/place/job-lines.ts, each with a line end before it, since a killed run may have left half a line.
 */
export function jobScript({ launcher, words, clear, job }: JobCommand): string {
  return `#!/bin/sh
own=$(mktemp -d "\${TMPDIR:-/var/tmp}/vlb-XXXXXXXX") || exit 3
vlb=${quoteWord(launcher)}
[ -x "$vlb" ] || vlb=vlb
# vlb gets the signal too, and ends; this continues then.
trap : INT TERM
printf '\\n{"type":"job-started","node":"%s"}\\n' "$(uname -n)"
export VLB_STATE_DIR="$own" VLB_JOB=${quoteWord(job)}
"$vlb" ${quoteCommand(words)}
status=$?
printf '\\n{"type":"job-ended","status":%s}\\n' "$status"
# Caches of layers belong to root. A store that is kept on the node is not touched.
unset VLB_CACHE_DIR
rm -rf -- "$own" 2>/dev/null || { "$vlb" ${quoteCommand(clear)} && rm -rf -- "$own"; } >&2
exit "$status"
`;
}
