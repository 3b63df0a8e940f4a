// Looking without building: a shell in a layer, and what the store and the last builds say of one.

import path from 'node:path';
import type { DiskState } from '../execute/look/disk-state.ts';
import type { ShellOptions } from '../execute/look/shell.ts';
import { EARLIER_LOGS, logFile, runningNow } from '../execute/run/log.ts';
import type { Context } from '../execute/run-context.ts';
import type { Artifact, BuildRecord } from '../model/artifact.ts';
import { fail, ok, type Result } from '../model/failure.ts';
import { isLayer, type LayerNode } from '../model/graph.ts';
import type { Plan } from '../model/plan.ts';
import type { Store } from '../model/ports/store.ts';
import { DEFAULT_LIMITS } from '../model/ports/store-upkeep.ts';
import { findLayer } from '../plan/find-layer.ts';
import { isFile } from '../util/fs.ts';
import { planProject } from './planning.ts';
import type { Access, Selection, Watchers } from './request.ts';
import type { Workspace } from './workspace.ts';

export interface ShellRequest
  extends Pick<Selection, 'params'>,
    Pick<Access, 'backend' | 'nbd' | 'secrets'>,
    Omit<ShellOptions, 'node' | 'plan'>,
    Watchers {
  /** A layer's name. */
  readonly layer: string;
  /** Called when something is about to be attached: from here on, cancel by the signal. */
  readonly onStart?: () => void;
}

/** Runs a shell or a command in a layer, of which nothing is kept. Returns its exit status. */
export async function shell(workspace: Workspace, request: ShellRequest): Promise<Result<number>> {
  const project = await workspace.load();
  if (!project.ok) return project;
  const planned = await planProject(workspace, project.value, {
    ...request,
    remote: 'off',
    targets: [request.layer],
    force: [],
  });
  if (!planned.ok) return planned;
  const { plan, context } = planned.value;
  // The requested layer comes after all that it needs.
  const node = plan.at(-1)?.node;
  if (!node || !isLayer(node)) return fail('usage', 'there is no layer to open a shell in');
  await using _host = { [Symbol.asyncDispose]: () => context.host.close() };
  const able = await context.host.check(undefined, (message) => context.emit({ type: 'note', message }));
  if (!able.ok) return able;
  request.onStart?.();
  await context.host.clearLeftovers(context.paths.runs, (message) => context.emit({ type: 'note', message }));
  const known = await artifactsInPlace(plan, shownIn(request.state, node), context);
  const { openShell } = await import('../execute/look/shell.ts');
  return await openShell({ ...request, node, plan }, known, context);
}

function shownIn(state: DiskState, node: LayerNode): string | undefined {
  return { built: node.name, parent: node.parent, failed: undefined }[state];
}

/** The artifact of each node, by name: the one a build would find, or else the last one built, with a note for `shown`. */
async function artifactsInPlace(
  plan: Plan,
  shown: string | undefined,
  { store, inPlace, emit }: Context,
): Promise<ReadonlyMap<string, Artifact>> {
  const known = new Map<string, Artifact>();
  for (const { node, action } of plan) {
    if (action.type !== 'run') {
      known.set(node.name, action.record.artifact);
      continue;
    }
    const last = await inPlace.last(node.name);
    if (!last || !(await store.has(last.artifact))) continue;
    known.set(node.name, last.artifact);
    if (node.name !== shown) continue;
    const message = `${node.name} is shown as it was last built; since then: ${action.reason}`;
    emit({ type: 'note', message });
  }
  return known;
}

/** The one record whose key begins like this. Fails as `usage` when there is none, or several. */
export async function findRecord(prefix: string, store: Store): Promise<Result<BuildRecord>> {
  if (!/^[0-9a-f]{1,64}$/.test(prefix)) {
    return fail('usage', `--record ${prefix}: not a key`, {
      hint: 'a key has 64 hexadecimal digits; give its first few, as vlb ls shows them',
    });
  }
  const [record, ...others] = await store.recordsLike(prefix);
  if (!record) {
    return fail('usage', `the store has no record whose key begins with ${prefix}`, {
      where: { file: path.dirname(store.artifactDirectory) },
      hint: 'vlb ls shows the keys of the layers',
    });
  }
  if (others.length === 0) return ok(record);
  return fail('usage', `${others.length + 1} records have keys that begin with ${prefix}`, {
    detail: [record, ...others].slice(0, 10).map(({ key, layer, created }) => `${key} ${layer} ${created}`),
    hint: 'give more of the key',
  });
}

/** A layer's log: a run's that is going on, or a finished one. */
export interface FoundLog {
  readonly file: string;
  /** Whether the run that writes it is still going on; undefined for a finished one. */
  readonly isRunning?: () => boolean;
}

/**
 * Finds a layer's log. Fails as `usage` when there is no such layer, or no such log.
 * @param wanted a layer's name, or `NAME~1` for the run before the last one
 * @param follow whether a run that is going on is preferred
 */
export async function findLog(
  workspace: Workspace,
  wanted: string,
  follow: boolean,
): Promise<Result<FoundLog>> {
  const { paths, parts } = workspace;
  const project = await workspace.load();
  if (!project.ok) return project;
  const [, name = '', before] = /^(.*?)(?:~(\d+))?$/s.exec(wanted) ?? [];
  const found = findLayer(
    name,
    project.value.layers.map((layer) => layer.name),
  );
  if (!found.ok) return found;
  const layer = found.value;
  if (follow && before === undefined) {
    const now = () => runningNow(layer, paths, parts.isAlive);
    const run = now();
    if (run !== undefined) return ok({ file: logFile(layer, paths), isRunning: () => now() === run });
  }
  const store = parts.openStore(paths, { ...DEFAULT_LIMITS, ...project.value.cache }, () => {});
  return store.ok ? finishedLog(layer, Number(before ?? 0), workspace, store.value) : store;
}

/** The log of a run here; where a layer never ran here, of the build in the store. Those are not shared. */
async function finishedLog(
  layer: string,
  runsAgo: number,
  { paths, parts }: Workspace,
  store: Store,
): Promise<Result<FoundLog>> {
  const file = logFile(layer, paths, runsAgo);
  if (isFile(file)) return ok({ file });
  if (runsAgo > 0) {
    const logs = Array.from({ length: EARLIER_LOGS + 1 }, (_, ago) => logFile(layer, paths, ago));
    const kept = logs.filter(isFile).length;
    const runs = `${runsAgo} ${runsAgo === 1 ? 'run' : 'runs'}`;
    return fail('usage', `there is no log of ${layer} from ${runs} ago`, {
      hint: `${kept} of its logs ${kept === 1 ? 'is' : 'are'} kept, of at most ${EARLIER_LOGS + 1}`,
    });
  }
  const record = await parts.openInPlace(paths, store).last(layer);
  const stored = record && store.logOf(record.key);
  if (stored !== undefined && isFile(stored)) return ok({ file: stored });
  // The store has a log of everything that was built for it.
  if (record && (await store.lookup(record.key))) {
    return fail(
      'usage',
      `there is no log of ${layer} here: it ran on another machine, and came from the shared cache`,
      { hint: `to run it here: vlb build --force=${layer} ${layer}` },
    );
  }
  return fail('usage', `there is no log of ${layer}: it has not run`, {
    hint: `run it: vlb build ${layer}`,
  });
}
