// Parses how a build may use its caches: `--cache local:rw,remote:r`, VLB_CACHE.

import { fail, ok, type Result } from '../../model/failure.ts';
import type { SharedAccess } from '../../model/ports/shared-cache.ts';

/** Writing is allowed by default; the server rejects users without permission. */
const DEFAULT: SharedAccess = 'rw';

/**
 * How the shared cache may be used. Fails as `usage` for an invalid setting.
 * @param text the setting, or undefined for the default
 * @param from the option or variable it comes from, for error messages
 */
export function parseCacheUse(text: string | undefined, from: string): Result<SharedAccess> {
  let remote: SharedAccess = DEFAULT;
  const seen = new Set<string>();
  for (const word of text?.split(',') ?? []) {
    const [name = '', access = '', ...more] = word.split(':');
    if (seen.has(name)) return fail('usage', `${from} sets "${name}" twice`);
    seen.add(name);
    if (name === 'local' && access !== 'rw') {
      return fail('usage', `${from} ${text}: the local store is always read and written`, { hint: HINT });
    }
    const isKnown = name === 'local' || (name === 'remote' && isAccess(access));
    if (!isKnown || more.length > 0) {
      return fail('usage', `${from}: unknown setting "${word}"`, { hint: HINT });
    }
    if (name === 'remote' && isAccess(access)) remote = access;
  }
  return ok(remote);
}

const HINT = 'valid values: remote:rw, remote:r, remote:off, optionally with local:rw';

function isAccess(text: string): text is SharedAccess {
  return text === 'off' || text === 'r' || text === 'rw';
}
