// Builds a layer again over the same parent, to check whether it is reproducible; the result is discarded.

import { kindOf } from '../../kinds/registry.ts';
import type { Artifact, BuildRecord, Digest } from '../../model/artifact.ts';
import { fail, ok, type Result } from '../../model/failure.ts';
import { isLayer, lineageOf } from '../../model/graph.ts';
import type { Plan } from '../../model/plan.ts';
import { settleBacking, withRun } from '../run/run-layer.ts';
import type { Context } from '../run-context.ts';

export interface Rebuilt {
  readonly record: BuildRecord;
  /** The digest of this build. */
  readonly digest: Digest;
}

/**
 * Runs the last layer of a plan again. Fails as `usage` when the store has no build with this key to compare with, and as
 * `work`, `host` and `interrupted` as a build does.
 */
export async function rebuild(plan: Plan, context: Context): Promise<Result<Rebuilt>> {
  const step = plan.at(-1);
  const records = plan.flatMap(({ action }) => (action.type === 'run' ? [] : [action.record]));
  const gone = await context.store.lease(records, context.signal);
  if (!step || !isLayer(step.node) || step.action.type === 'run' || gone.length > 0) {
    return fail(
      'usage',
      `${step?.node.name ?? 'the layer'} has not been built in its current state, so there is nothing to compare with`,
      {
        hint: 'run vlb build first',
      },
    );
  }
  const { record } = step.action;
  const known = new Map<string, Artifact>();
  for (const { node, action } of plan) {
    if (action.type !== 'run') known.set(node.name, action.record.artifact);
  }
  const lineage = lineageOf(step.node, known);
  if (!lineage) throw new Error(`${step.node.name} is known, but not what it needs`);
  const note = (message: string) => context.emit({ type: 'note', message });
  const { place } = kindOf(step.node.layer);
  const able = await (place === 'guest' ? context.host.checkGuests() : context.host.check(undefined, note));
  if (!able.ok) return able;
  await context.host.clearLeftovers(context.paths.runs, note);
  await using _host = { [Symbol.asyncDispose]: () => context.host.close() };
  context.emit({ type: 'layer-started', layer: step.node.name });
  const run = {
    layer: step.node.layer,
    lineage,
    keeping: step.keeping,
    replaces: false,
    withoutPoints: true,
  };
  const digest = await withRun(run, context, async (draft) => {
    const settled = await settleBacking(run, draft, context);
    return settled.ok ? await draft.digest(context.signal) : settled;
  });
  return digest.ok ? ok({ record, digest: digest.value }) : digest;
}
