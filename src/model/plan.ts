// The plan: what will happen to each node, and why. Pure data; `vlb plan` prints it and `vlb build` executes it.

import type { BuildRecord } from './artifact.ts';
import type { Node } from './graph.ts';

export type Action =
  /** Already in place. */
  | { readonly type: 'fresh'; readonly record: BuildRecord }
  /** In the store; only links are made. */
  | { readonly type: 'restore'; readonly record: BuildRecord }
  /** Its script has to run. */
  | {
      readonly type: 'run';
      readonly reason: RunReason;
      readonly changes: readonly Change[];
      /** For a layer of steps, once that is known. */
      readonly begins?: FirstStep;
    };

/** The step at which the run of a layer of steps begins: the state before it is that of a cache point, or of the parent. */
export interface FirstStep {
  /** From 1; one more than there are if only the result has to be made. */
  readonly index: number;
  readonly count: number;
  readonly title: string;
  /** What of the step itself changed since the layer was last built: its text, or inputs that it reads, by their paths. */
  readonly changed: 'step' | readonly string[];
}

export type RunReason =
  /** It was never built here, and the store has no build with this key. */
  | 'no record'
  /** Its own files changed since its last build. */
  | 'input changed'
  /** Its kind, its disk's size and the like changed since its last build. */
  | 'settings changed'
  /** Its parent or a layer that it mounts changed or will be rebuilt. */
  | 'parent changed'
  /** Nothing changed, but its artifact is missing. */
  | 'artifact lost'
  /** The user forced it. */
  | 'forced'
  /** The result is older than the layer's max-age. */
  | 'expired'
  /** It is marked nocache (or its parent is), and its result is not in build/. */
  | 'nocache';

/** One difference between two recipes. */
export type Change =
  | { readonly type: 'input'; readonly path: string; readonly how: InputChange }
  | { readonly type: 'setting'; readonly name: string; readonly before: string; readonly after: string }
  /** The first step of a layer.yaml that is another one, from 1, by the texts of the recipes; a step that is not there has none. */
  | { readonly type: 'step'; readonly index: number; readonly before?: string; readonly after?: string }
  /** Its parent; with `disk` a further disk of it, or with `mount` the layer that it mounts there. */
  | {
      readonly type: 'parent';
      readonly before: string;
      readonly after: string;
      readonly mount?: string;
      readonly disk?: string;
    }
  /** When it was built, ISO 8601, and how long its result is valid, seconds. */
  | { readonly type: 'age'; readonly created: string; readonly seconds: number; readonly maxAge: number };

export type InputChange = 'added' | 'removed' | 'content' | 'executable bit' | 'link target' | 'type';

export interface PlanStep {
  readonly node: Node;
  /** Whether its artifact enters the store: not when it or one of its ancestors is `# nocache`. */
  readonly keeping: 'cached' | 'uncached';
  readonly action: Action;
}

/** In the order of the graph. */
export type Plan = readonly PlanStep[];
