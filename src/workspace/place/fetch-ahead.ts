// Fetches what jobs have built while they still run, so that little is left for the build that follows them.

import { setTimeout as delay } from 'node:timers/promises';
import { neededNodes } from '../../execute/schedule/dependencies.ts';
import type { Project } from '../../project/project.ts';
import { type PlanRequest, planProject } from '../planning.ts';
import type { Workspace } from '../workspace.ts';

/** The least time from the end of a fetch to the next one, ms: for each, the project is planned. */
const PAUSE = 2_000;

export class FetchAhead {
  readonly #fetch: (layers: readonly string[]) => Promise<void>;
  readonly #over = new AbortController();
  #built: string[] = [];
  #fetching: Promise<void> | undefined;

  /** @param fetch fetches the disks of layers; called again only some time after it has ended */
  constructor(fetch: (layers: readonly string[]) => Promise<void>) {
    this.#fetch = fetch;
  }

  /** A layer is in the shared cache now. */
  add(layer: string): void {
    this.#built.push(layer);
    this.#fetching ??= this.#run();
  }

  /** Returns when what is being fetched is here. The rest is not fetched. */
  async end(): Promise<void> {
    this.#over.abort();
    await this.#fetching;
  }

  async #run(): Promise<void> {
    const { signal } = this.#over;
    while (this.#built.length > 0 && !signal.aborted) {
      await this.#fetch(this.#built.splice(0));
      await delay(PAUSE, undefined, { signal }).catch(() => {}); // rejects on abort
    }
    this.#fetching = undefined;
  }
}

/** Fetches the disks of layers, and those that they are based on. What cannot be fetched is left to a build, which reports why. */
export async function fetchLayers(
  layers: readonly string[],
  workspace: Workspace,
  project: Project,
  request: PlanRequest,
): Promise<void> {
  const quiet = { ...request, targets: layers, remote: 'r', emit: () => {} } as const;
  const planned = await planProject(workspace, project, quiet);
  if (!planned.ok) return;
  const { plan, context } = planned.value;
  const { store } = context;
  using _lease = { [Symbol.dispose]: () => store.release() };
  const needed = neededNodes(plan, new Set());
  await Promise.all(
    plan.map(async ({ node, action }) => {
      if (action.type === 'run' || !needed.has(node.name)) return;
      if (store.shared?.isAway(action.record)) await store.shared.fetch(action.record, request.signal);
    }),
  );
}
