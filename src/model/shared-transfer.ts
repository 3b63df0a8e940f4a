// What `vlb store push` and `pull` transferred, layer by layer.

import type { RunReason } from './plan.ts';
import type { Offer, SharedTally } from './ports/shared-cache.ts';

export interface PushedLayer {
  readonly layer: string;
  /** `not built`: it would have to run first. */
  readonly state: Offer | 'not built';
  /** Of the artifact, uncompressed, where it is known. */
  readonly bytes?: number;
}

export interface PulledLayer {
  readonly layer: string;
  /** `not built`: neither here nor in the shared cache, so a build runs it. */
  readonly state: 'fetched' | 'here' | 'not built' | 'failed';
  readonly bytes?: number;
  /** Why a build runs it. */
  readonly reason?: RunReason;
}

export interface Transferred<T> {
  readonly layers: readonly T[];
  /** Undefined while nothing was transferred. */
  readonly shared: SharedTally | undefined;
}
