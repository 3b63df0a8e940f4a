// The events of a build: one union, which the reporters print and nothing else reads.

import type { Failure } from './failure.ts';
import type { DeployEnd, DeployStage } from './ports/deployer.ts';
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
  | LayerStarted
  | { readonly type: 'layer-stage'; readonly layer: string; readonly stage: Stage }
  | LayerStepEvent
  /** One line that a script printed, without its line end. */
  | { readonly type: 'output'; readonly layer: string; readonly line: string }
  /** The current size of a running layer's delta, once a second. */
  | { readonly type: 'layer-size'; readonly layer: string; readonly bytes: number }
  /** The progress of the base's download, once a second; `total` where the server sends it. */
  | Progress
  | Transfer
  | LayerFinished
  | { readonly type: 'export-started'; readonly machine: string; readonly format: string }
  /** The progress of an export, of the bytes that its disks take in the store. */
  | ExportProgress
  | ExportFinished
  | { readonly type: 'publish-started'; readonly machine: string; readonly to: string }
  | PublishFinished
  | { readonly type: 'check-started'; readonly image: string; readonly check: string }
  /** One line that a guest wrote to its console, or a check in it printed. */
  | { readonly type: 'check-output'; readonly image: string; readonly line: string }
  | CheckFinished
  | DeployStarted
  | DeployEntered
  /** The progress of the stages write, compare and copy. */
  | DeployProgress
  | DeployFinished
  /** A remark; the build continues. */
  | { readonly type: 'note'; readonly message: string }
  | Watching
  | Finished;

/** A layer's run begins, on a node of an engine or here. */
export interface LayerStarted {
  readonly type: 'layer-started';
  readonly layer: string;
  readonly node?: string;
}

/** A step of a layer.yaml begins to run. */
export interface LayerStepEvent {
  readonly type: 'layer-step';
  readonly layer: string;
  /** From 1. */
  readonly index: number;
  /** How many steps the layer has. */
  readonly count: number;
  /** What it does: `install nginx`. */
  readonly title: string;
}

export interface Progress {
  readonly type: 'progress';
  readonly layer: string;
  readonly bytes: number;
  readonly total?: number;
}

/** An artifact is fetched from the shared cache or pushed to it: emitted once a second, and at the beginning and end. */
export interface Transfer {
  readonly type: 'transfer';
  readonly direction: 'fetch' | 'push';
  readonly layer: string;
  readonly state: 'begun' | 'under way' | 'ended';
  /** Of the artifact, uncompressed. */
  readonly bytes: number;
  readonly total: number;
}

/** `vlb watch` only: after each build what it waits for, and then what changed, before the next build. */
export type Watching = {
  readonly type: 'watching';
  /** ISO 8601. */
  readonly at: string;
} & (
  | {
      readonly state: 'waiting';
      /** Relative to the project. */
      readonly places: readonly string[];
      /** Layers that are retried only when their inputs change or the user asks for it. */
      readonly failed: readonly string[];
      /** Whether there is a terminal to type at: r builds now, q quits. */
      readonly keys: boolean;
    }
  /** The layers that changed themselves, not merely what they depend on, and those that were removed. */
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

export interface ExportProgress {
  readonly type: 'export-progress';
  readonly machine: string;
  readonly format: string;
  readonly bytes: number;
  readonly total: number;
}

export interface ExportFinished {
  readonly type: 'export-finished';
  readonly machine: string;
  readonly format: string;
  readonly outcome: 'fresh' | 'written' | 'failed';
  readonly seconds: number;
  readonly failure?: Failure;
}

export interface PublishFinished extends PublishedImage {
  readonly type: 'publish-finished';
  readonly outcome: 'fresh' | 'written' | 'failed';
  readonly seconds: number;
  readonly failure?: Failure;
}

/** A check of an image ended; those that passed before and are not repeated have no events. */
export interface CheckFinished {
  readonly type: 'check-finished';
  readonly image: string;
  /** Its command. */
  readonly check: string;
  readonly outcome: 'passed' | 'failed';
  readonly seconds: number;
  readonly failure?: Failure;
}

/** What was published, and where. */
export interface PublishedImage {
  readonly machine: string;
  /** The directory of a repository or the image in a registry, as the user named it. */
  readonly to: string;
  /** In a repository. */
  readonly revision?: number;
  /** In a registry: `sha256:…`. */
  readonly digest?: string;
}

/** A machine, and where it is deployed to. */
interface Deployed {
  readonly machine: string;
  /** As the user wrote it. */
  readonly target: string;
}

export interface DeployStarted extends Deployed {
  readonly type: 'deploy-started';
}

export interface DeployEntered extends Deployed {
  readonly type: 'deploy-stage';
  readonly stage: DeployStage;
}

export interface DeployProgress extends Deployed {
  readonly type: 'deploy-progress';
  readonly bytes: number;
  readonly total: number;
}

export interface DeployFinished extends Deployed, DeployEnd {
  readonly type: 'deploy-finished';
  readonly seconds: number;
}

/** A layer that failed, and what that cost. */
export interface FailedLayer {
  readonly layer: string;
  readonly failure: Failure;
  /** The layers that were skipped or stopped because of it. */
  readonly skipped: readonly string[];
}

export interface Finished {
  readonly type: 'finished';
  readonly ok: boolean;
  readonly counts: Readonly<Record<Outcome, number>>;
  readonly seconds: number;
  /** Path of the image, relative to the working directory, when there is one. */
  readonly image?: string;
  /** The size of the image with its whole chain of backing files. */
  readonly bytes?: number;
  /** The images named in vlb.yaml whose layers were built. */
  readonly images?: readonly { readonly file: string; readonly bytes: number }[];
  /** `vlb export` only: the exports that are there, in the place of `image` and `images`. */
  readonly exports?: readonly ExportedDirectory[];
  /** `vlb publish` only. */
  readonly published?: PublishedImage;
  /** What was fetched from the shared cache and pushed to it; absent without a shared cache. */
  readonly shared?: SharedTally;
  /** The first failure. */
  readonly failure?: Failure;
  /** All layers that failed, in order of time; empty when the build could not begin or could not make its outputs. */
  readonly failures: readonly FailedLayer[];
  /** `vlb watch` only: layers that were stopped or not begun because the project changed; another build follows. */
  readonly superseded?: readonly string[];
}

export interface ExportedDirectory {
  readonly machine: string;
  readonly format: string;
  /** Path of its directory, relative to the working directory. */
  readonly directory: string;
  /** Size of its files. */
  readonly bytes: number;
}

export type Emit = (event: BuildEvent) => void;
