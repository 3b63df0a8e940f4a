// The values of the schedule of a build: see state.ts.

import type { BuildRecord, Key } from '../../model/artifact.ts';
import type { FailedLayer, LayerFinished, Outcome } from '../../model/event.ts';
import type { Failure } from '../../model/failure.ts';
import type { PlanStep } from '../../model/plan.ts';

export type NodeState =
  /** For the nodes that it depends on, or for a free job. */
  | 'waiting'
  /** All that it depends on is done, and its artifact is on its way from the shared cache. */
  | 'fetching'
  /** Takes a job: it waits for another process that builds the same, is decided by its key, and built unless it is found. */
  | 'running'
  /** Another machine builds the same. Takes no job, until that has ended: then it waits again. */
  | 'claimed'
  /** Built; its artifact is offered to the shared cache. Takes no job. */
  | 'sharing'
  /** Found in the store; its record is written as the layer's last. Takes no job. */
  | 'recording'
  /** Stays in the shared cache, since no disk that the build needs depends on it: others need only its digest. */
  | 'not fetched'
  | 'done'
  | 'failed'
  /** Not built because of a failure, or because it must be planned again. */
  | 'skipped';

/** Where the artifact is that the plan has found. */
export type ArtifactPlace =
  /** In the store; or nowhere, where the node has to run. */
  | 'here'
  /** Only in the shared cache. */
  | 'shared'
  /** Being fetched. */
  | 'arriving'
  /** Could not be fetched: the node has to be decided again. */
  | 'lost';

/** Why a node has no artifact: the index of a failure, or that the project changed during the build. */
export type Cause = number | 'superseded';

export interface ScheduledNode {
  readonly step: PlanStep;
  /** The positions of the nodes that it depends on directly. */
  readonly needs: readonly number[];
  readonly state: NodeState;
  readonly artifact: ArtifactPlace;
  /** Whether the build needs its disk; only known where an artifact is in the shared cache. */
  readonly isNeeded: boolean;
  /** Whether the plan had found it, but it has to be decided again. */
  readonly isReplanned: boolean;
  /** Whether it was started before, and found to be claimed by another machine. */
  readonly isResumed: boolean;
  /** When it left `waiting`, milliseconds. */
  readonly startedAt: number;
  /** Of a node that is done or not fetched. */
  readonly record?: BuildRecord | undefined;
  readonly outcome?: Outcome;
  readonly cause?: Cause;
}

export interface Schedule {
  /** In the order of the plan. */
  readonly nodes: readonly ScheduledNode[];
  /** Their positions, by name. */
  readonly positions: ReadonlyMap<string, number>;
  /** The positions of waiting nodes, in the order in which they are considered. */
  readonly queue: readonly number[];
  /** Whether nothing is started any more. */
  readonly isStopped: boolean;
  /** In the order of time, each with the nodes that were skipped because of it. */
  readonly failures: readonly FailedLayer[];
  /** The nodes that must be planned again. */
  readonly superseded: readonly string[];
  readonly limits: ScheduleLimits;
}

export interface ScheduleLimits {
  /** How many layers may run at the same time. */
  readonly jobs: number;
  /** Whether a failed layer stops only the nodes that depend on it. */
  readonly keepGoing: boolean;
}

export type ScheduleEvent =
  /** Start and skip nodes. A step of its own, so that of all that became ready at the same time the first in the queue starts. */
  | { readonly type: 'proceed' }
  /** The end of `fetch`. */
  | { readonly type: 'fetched'; readonly layer: string; readonly ok: boolean }
  /** `execute` has built the layer, and only shares it from now on. */
  | { readonly type: 'built'; readonly layer: string }
  /** The ends of `execute`. `claimed`: another machine builds the same. */
  | { readonly type: 'claimed'; readonly layer: string; readonly key: Key }
  | {
      readonly type: 'finished';
      readonly layer: string;
      readonly record: BuildRecord;
      readonly outcome: 'fresh' | 'restored' | 'built';
    }
  | { readonly type: 'failed'; readonly layer: string; readonly failure: Failure }
  /** The end of `await`. */
  | { readonly type: 'released'; readonly layer: string }
  /** It was stopped, or not begun, because the project changed. */
  | { readonly type: 'superseded'; readonly layer: string };

export type EventOf<Type extends ScheduleEvent['type']> = Extract<ScheduleEvent, { readonly type: Type }>;

export type Effect =
  /** Fetch the artifact from the shared cache; ends as `fetched`. */
  | { readonly type: 'fetch'; readonly layer: string; readonly record: BuildRecord }
  /** Run the step, or record what was found; ends as `finished`, `claimed`, `failed` or `superseded`. */
  | { readonly type: 'execute'; readonly node: ScheduledNode }
  /** Wait until another machine does not build the key any more; ends as `released`. */
  | { readonly type: 'await'; readonly layer: string; readonly key: Key }
  | { readonly type: 'report'; readonly event: LayerFinished }
  /** Interrupt everything that is executed or fetched. */
  | { readonly type: 'stop' };

export interface Transition {
  readonly schedule: Schedule;
  readonly effects: readonly Effect[];
}
