// What a build may do with its caches, as people write it: `--cache local:rw,remote:r`, VLB_CACHE.

import { fail, ok, type Result } from '../../model/failure.ts';
import type { SharedAccess } from '../../model/ports/shared-cache.ts';

/** What holds when nothing is said: who may not write is told so by the server. */
const DEFAULT: SharedAccess = 'rw';

/**
 * How the shared cache is used. Fails as `usage`.
 * @param text undefined when nothing is said
 * @param from what the text was given by, for complaints
 */
export function parseCacheUse(text: string | undefined, from: string): Result<SharedAccess> {
  let remote: SharedAccess = DEFAULT;
  const seen = new Set<string>();
  for (const word of text?.split(',') ?? []) {
    const [name = '', access = '', ...more] = word.split(':');
    if (seen.has(name)) return fail('usage', `${from} says twice what it is to do with the ${name} cache`);
    seen.add(name);
    if (name === 'local' && access !== 'rw') {
      return fail('usage', `${from} ${text}: the local store is always read and written`, { hint: HINT });
    }
    const isKnown = name === 'local' || (name === 'remote' && isAccess(access));
    if (!isKnown || more.length > 0) {
      return fail('usage', `${from} does not know what to do with "${word}"`, { hint: HINT });
    }
    if (name === 'remote' && isAccess(access)) remote = access;
  }
  return ok(remote);
}

const HINT = 'it is remote:rw, remote:r or remote:off, with local:rw before it or not';

function isAccess(text: string): text is SharedAccess {
  return text === 'off' || text === 'r' || text === 'rw';
}
