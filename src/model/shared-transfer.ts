// What was sent to the shared cache, or fetched from it, layer by layer, when a person asked for that alone.

import type { RunReason } from './plan.ts';
import type { Offer, SharedTally } from './ports/shared-cache.ts';

export interface PushedLayer {
  readonly layer: string;
  /** `not built`: it would have to run first. */
  readonly state: Offer | 'not built';
  /** Of the artifact, not compressed, where it is known. */
  readonly bytes?: number;
}

export interface PulledLayer {
  readonly layer: string;
  /** `not built`: nobody has built it, so a build here runs it. */
  readonly state: 'fetched' | 'here' | 'not built' | 'failed';
  readonly bytes?: number;
  /** Why a build runs it. */
  readonly reason?: RunReason;
}

export interface Transferred<T> {
  readonly layers: readonly T[];
  /** Undefined while nothing came or went. */
  readonly shared: SharedTally | undefined;
}
