// The plan: what will happen to each node, and why. Pure data; `vlb plan` prints it and `vlb build` executes it.

import type { BuildRecord } from './artifact.ts';
import type { Node } from './graph.ts';

export type Action =
  /** Already in place. */
  | { readonly type: 'fresh'; readonly record: BuildRecord }
  /** In the store; only links are made. */
  | { readonly type: 'restore'; readonly record: BuildRecord }
  /** Its script has to run. */
  | { readonly type: 'run'; readonly reason: RunReason };

export type RunReason =
  /** The store knows no build of exactly this. */
  | 'no record'
  /** It stands on something that will be built, so what it stands on is not known yet. */
  | 'parent changed'
  /** It, or something it stands on, is kept out of the store, and it is not in place as it should be. */
  | 'nocache';

export interface PlanStep {
  readonly node: Node;
  /** Whether its artifact enters the store: not when it or one of its ancestors is `# nocache`. */
  readonly keeping: 'cached' | 'uncached';
  readonly action: Action;
}

/** In the order of the graph. */
export type Plan = readonly PlanStep[];
