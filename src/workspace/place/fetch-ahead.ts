// Fetches what jobs have built while others still run, so that little is left for the build that follows them.

import { neededNodes } from '../../execute/schedule/dependencies.ts';
import type { Project } from '../../project/project.ts';
import { type PlanRequest, planProject } from '../planning.ts';
import type { Workspace } from '../workspace.ts';

export class FetchAhead {
  readonly #fetch: (layers: readonly string[]) => Promise<void>;
  #built: string[] = [];
  #fetching: Promise<void> | undefined;
  #isOver = false;

  /** @param fetch fetches the disks of layers; called again only when it has ended */
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
    this.#isOver = true;
    await this.#fetching;
  }

  async #run(): Promise<void> {
    while (this.#built.length > 0 && !this.#isOver) await this.#fetch(this.#built.splice(0));
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
