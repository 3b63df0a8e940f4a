// What a caller asks of a workspace, in groups that are passed on whole.

import type { Emit } from '../model/event.ts';
import type { BackendName } from '../model/ports/machine.ts';
import type { SharedAccess } from '../model/ports/shared-cache.ts';

/** What is to be planned or built. */
export interface Selection {
  /** Only these layers (or images of vlb.yaml, by name) and what they need; empty for the whole project. */
  readonly targets: readonly string[];
  /** `NAME=VALUE` each. */
  readonly params: readonly string[];
  /** The layers to run even if the store has them: all, or those named. */
  readonly force: 'all' | readonly string[];
}

/** What the build may use. */
export interface Access {
  /** How the shared cache of vlb.yaml is used. */
  readonly remote: SharedAccess;
  /** Whether fetched artifacts are flushed: so that a command which only fetches survives a power cut. */
  readonly flushFetched?: boolean;
  /** What runs layers; by default what VLB_BACKEND or vlb.yaml says, or what works here. */
  readonly backend?: BackendName | undefined;
  /** Network block devices to attach disks as, for the backend nbd. */
  readonly nbd: readonly string[];
  /** `NAME=FILE` or `NAME` each. */
  readonly secrets: readonly string[];
  /** The values of further ones, by name. */
  readonly secretValues?: ReadonlyMap<string, string> | undefined;
}

/** How much runs at once, and what a failure stops. */
export interface Pace {
  /** How many layers may run at once. */
  readonly jobs: number;
  /** Whether a failed layer stops only the layers that depend on it. */
  readonly keepGoing: boolean;
}

/** Who follows the work, and may stop it. */
export interface Watchers {
  readonly emit: Emit;
  /** Settles when the events emitted so far have been consumed; undefined when they have been. Scripts wait for it. */
  readonly drained?: (() => Promise<void> | undefined) | undefined;
  readonly signal: AbortSignal;
}

/** For planning alone: no privileges, no secrets, and nothing is written to the shared cache. */
export const NO_ACCESS: Access = { remote: 'off', nbd: [], secrets: [] };
