// The format of claims in the bucket: who builds a key. Another machine has written it, so it is only shown, and never obeyed.

import type { ClaimedBy } from '../../model/ports/shared-cache.ts';
import { parseObject } from '../../util/json.ts';

/** The largest accepted claim, bytes. */
export const MOST_CLAIM_BYTES = 4096;

export interface ClaimText extends ClaimedBy {
  /** Different for each claim. */
  readonly owner: string;
}

export function claimText({ owner, layer, host, pid, since, usually }: ClaimText): Buffer {
  return Buffer.from(`${JSON.stringify({ schema: 1, owner, layer, host, pid, since, usually })}\n`);
}

/** In the place of a claim that has ended, where it cannot be removed. */
export const ENDED_CLAIM = Buffer.from('{"schema":1,"ended":true}\n');

/** The claim in an object; undefined for one that has ended, is damaged, or of another version. */
export function parseClaim(bytes: Buffer | undefined): ClaimText | undefined {
  const { schema, owner, layer, host, pid, since, usually } = parseObject(bytes?.toString() ?? '') ?? {};
  if (schema !== 1 || typeof owner !== 'string') return undefined;
  if (typeof layer !== 'string' || typeof host !== 'string') return undefined;
  if (!isAmount(pid) || !isAmount(since)) return undefined;
  return {
    owner,
    layer: layer.slice(0, LONGEST),
    host: host.slice(0, LONGEST),
    pid,
    since,
    usually: isAmount(usually) ? usually : undefined,
  };
}

const LONGEST = 100;

function isAmount(value: unknown): value is number {
  return typeof value === 'number' && Number.isFinite(value) && value >= 0;
}
