// vlb plan, why, graph and ls: what a build would do, and why; nothing is built.

import type { Planned } from '../../execute/execute.ts';
import { bytesOf } from '../../model/artifact.ts';
import { type Failure, fail, type Result } from '../../model/failure.ts';
import { explain } from '../../plan/explain.ts';
import { expectedRecipe } from '../../plan/plan.ts';
import { type GraphFormat, graphText, layerJson } from '../../report/text/graph.ts';
import { planText, recordText, whyText } from '../../report/text/plan.ts';
import { tableLines } from '../../util/table.ts';
import { formatBytes, formatSeconds } from '../../util/units.ts';
import { findRecord } from '../../workspace/look.ts';
import { planProject } from '../../workspace/planning.ts';
import { NO_ACCESS, type Selection } from '../../workspace/request.ts';
import { workspaceOf } from '../open-workspace.ts';
import type { GlobalOptions } from '../options.ts';
import { printNotes, printResult } from '../terminal/streams.ts';

export interface InspectOptions extends GlobalOptions, Selection {
  readonly json: boolean;
}

/** Prints what `vlb build` would do. */
export async function plan(options: InspectOptions): Promise<number | Failure> {
  const planned = await planOf(options);
  if (!planned.ok) return planned.failure;
  const steps = planned.value.plan;
  return printResult(options, steps.map(layerJson), (style) => planText(steps, style));
}

/** Prints why one layer would run, or that it would not; or what is different in it from a record of the store. */
export async function why(
  options: InspectOptions & { readonly record: string | undefined },
): Promise<number | Failure> {
  const planned = await planOf(options);
  if (!planned.ok) return planned.failure;
  // The layer that was asked for comes behind all that it needs.
  const step = planned.value.plan.at(-1);
  if (!step) return fail('usage', 'there is nothing to explain').failure;
  if (options.record !== undefined) {
    const record = await findRecord(options.record, planned.value.context.store);
    if (!record.ok) return record.failure;
    const { plan: steps, recipeOf } = planned.value;
    const changes = explain(record.value.recipe, expectedRecipe(step.node, steps, recipeOf));
    const { name: layer } = step.node;
    return printResult(options, { layer, record: record.value.key, changes }, (style) =>
      recordText(layer, record.value, changes, style),
    );
  }
  return printResult(options, layerJson(step), (style) => whyText(step, style));
}

/** Prints which layers depend on which. */
export async function graph(
  options: InspectOptions & { readonly format: GraphFormat },
): Promise<number | Failure> {
  const planned = await planOf(options);
  if (!planned.ok) return planned.failure;
  const { plan: steps } = planned.value;
  return printResult(options, steps.map(layerJson), (style) => graphText(steps, options.format, style));
}

/** Prints the layers, each with its state, and the size and time of its last build. */
export async function ls(options: InspectOptions): Promise<number | Failure> {
  const planned = await planOf(options);
  if (!planned.ok) return planned.failure;
  const steps = planned.value.plan;
  const rows = steps.map(({ node, action }) => {
    const record = action.type === 'run' ? undefined : action.record;
    return [
      node.name,
      action.type,
      record ? formatBytes(bytesOf(record.artifact)) : '',
      record ? formatSeconds(record.seconds) : '',
      record ? record.key.slice(0, 12) : '',
    ];
  });
  return printResult(options, steps.map(layerJson), () => tableLines(rows, [2, 3]).join('\n'));
}

async function planOf(options: InspectOptions): Promise<Result<Planned>> {
  const workspace = workspaceOf(options);
  const project = await workspace.load();
  if (!project.ok) return project;
  return planProject(workspace, project.value, {
    ...NO_ACCESS,
    ...options,
    // Nothing is written to the shared cache to find out whether it could be.
    remote: options.remote === 'off' ? 'off' : 'r',
    emit: printNotes,
    signal: new AbortController().signal,
  });
}
