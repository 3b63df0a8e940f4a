// The claims in a bucket, for listings and for their removal once they are void.

import type { StoreError } from '../../model/ports/object-store.ts';
import type { SharedClaim } from '../../model/ports/shared-upkeep.ts';
import { type ClaimText, MOST_CLAIM_BYTES, parseClaim } from '../bucket/claim-text.ts';
import { parseClaimName } from '../bucket/layout.ts';
import { DEFAULT_CLAIM_POLICY } from '../cache/claims.ts';
import type { RetryingObjectStore } from '../objects/retrying.ts';

function shown(
  { owner: _, since, ...by }: ClaimText,
  about: Pick<SharedClaim, 'scope' | 'key'>,
  age: number,
  isVoid: boolean,
): SharedClaim {
  return { ...about, ...by, since: since + Math.round(age / 1000), isVoid };
}

const AT_ONCE = 16;

export interface FoundClaim {
  readonly name: string;
  readonly isVoid: boolean;
  /** Undefined for one that is damaged, or of another version. */
  readonly claim: SharedClaim | undefined;
}

/** Reads the claims among these objects. Ignores what disappears in the meantime. Returns the error that ended it. */
export async function readClaims(
  objects: RetryingObjectStore,
  names: readonly string[],
  signal: AbortSignal,
): Promise<readonly FoundClaim[] | StoreError> {
  const found: FoundClaim[] = [];
  let failed: StoreError | undefined;
  const work = async (left: Iterable<string>) => {
    for (const name of left) {
      const about = parseClaimName(name);
      if (!about || failed) continue;
      const got = await objects.read(name, MOST_CLAIM_BYTES, signal);
      if (got.ok) {
        const { bytes, age = 0 } = got.value;
        const isVoid = age > DEFAULT_CLAIM_POLICY.voidAfter;
        const said = parseClaim(bytes);
        found.push({ name, isVoid, claim: said && shown(said, about, age, isVoid) });
      } else if (got.error.kind !== 'absent') failed = got.error;
    }
  };
  const left = names.values();
  await Promise.all(Array.from({ length: AT_ONCE }, () => work(left)));
  return failed ?? found;
}
