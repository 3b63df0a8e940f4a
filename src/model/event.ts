// What happens during a build, as it is told: one union, which the reporters print and nothing else reads.

import type { Failure } from './failure.ts';
import type { SharedTally } from './ports/shared-cache.ts';

/**
 * The version of the events as JSON, in each line of `--progress json`. Events and fields may be added; when a field is
 * removed, or its meaning changes, this number goes up. docs/events.schema.json describes them.
 */
export const EVENT_VERSION = 1;

export type Outcome = 'fresh' | 'restored' | 'built' | 'failed' | 'skipped';

/** The steps of one layer's run, in their order. */
export type Stage = 'create' | 'stage' | 'attach' | 'mount' | 'run' | 'unmount' | 'detach' | 'commit';

export type BuildEvent =
  | { readonly type: 'plan'; readonly steps: readonly PlannedStep[] }
  | { readonly type: 'layer-started'; readonly layer: string }
  | { readonly type: 'layer-stage'; readonly layer: string; readonly stage: Stage }
  /** One line that a script printed, without its end. */
  | { readonly type: 'output'; readonly layer: string; readonly line: string }
  /** How large the delta of a running layer is by now, once a second. */
  | { readonly type: 'layer-size'; readonly layer: string; readonly bytes: number }
  /** How far the base's download is, once a second; `total` where the server says it. */
  | Progress
  | Transfer
  | LayerFinished
  /** Something worth knowing that stops nothing. */
  | { readonly type: 'note'; readonly message: string }
  | Watching
  | Finished;

export interface Progress {
  readonly type: 'progress';
  readonly layer: string;
  readonly bytes: number;
  readonly total?: number;
}

/** An artifact comes from the shared cache, or goes there. Told once a second, and at its beginning and end. */
export interface Transfer {
  readonly type: 'transfer';
  readonly direction: 'fetch' | 'push';
  readonly layer: string;
  readonly state: 'begun' | 'under way' | 'ended';
  /** Of the artifact, not compressed. */
  readonly bytes: number;
  readonly total: number;
}

/** `vlb watch` alone: after each build what it waits for, and then what changed, before the next one. */
export type Watching = {
  readonly type: 'watching';
  /** ISO 8601. */
  readonly at: string;
} & (
  | {
      readonly state: 'waiting';
      /** Relative to the project. */
      readonly places: readonly string[];
      /** Layers that are tried again only when their inputs change, or the person says so. */
      readonly failed: readonly string[];
      /** Whether there is a terminal to type at: r builds now, q quits. */
      readonly keys: boolean;
    }
  /** The layers that changed themselves, not merely what they stand on, and those that are gone. */
  | { readonly state: 'changed'; readonly layers: readonly string[] }
);

export interface PlannedStep {
  readonly layer: string;
  readonly action: 'fresh' | 'restore' | 'run';
  readonly reason?: string;
}

export interface LayerFinished {
  readonly type: 'layer-finished';
  readonly layer: string;
  readonly outcome: Outcome;
  readonly seconds: number;
  readonly bytes?: number;
  readonly digest?: string;
  readonly failure?: Failure;
}

/** A layer that failed, and what that cost. */
export interface FailedLayer {
  readonly layer: string;
  readonly failure: Failure;
  /** The layers that were left out, or stopped, because of it. */
  readonly skipped: readonly string[];
}

export interface Finished {
  readonly type: 'finished';
  readonly ok: boolean;
  readonly counts: Readonly<Record<Outcome, number>>;
  readonly seconds: number;
  /** Path of the image, relative to the working directory, when there is one. */
  readonly image?: string;
  /** What the image takes up, with all the layers that it stands on. */
  readonly bytes?: number;
  /** The images that vlb.yaml names, of the layers that were built. */
  readonly images?: readonly { readonly file: string; readonly bytes: number }[];
  /** What came from the shared cache and went there; without it, nothing did. */
  readonly shared?: SharedTally;
  /** The first failure. */
  readonly failure?: Failure;
  /** All layers that failed, in the order of time; none when the build could not begin, or not make its outputs. */
  readonly failures: readonly FailedLayer[];
  /** `vlb watch` alone: layers that were stopped or not begun since the project changed; another build follows. */
  readonly superseded?: readonly string[];
}

export type Emit = (event: BuildEvent) => void;
