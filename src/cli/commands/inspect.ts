// vlb plan, why, graph and ls: what a build would do, and why; nothing is built.

import { type CheckState, checkStates } from '../../execute/checks.ts';
import type { Planned } from '../../execute/execute.ts';
import { bytesOf } from '../../model/artifact.ts';
import { type Failure, fail, ok, type Result } from '../../model/failure.ts';
import { knownArtifacts } from '../../plan/decide.ts';
import { explain } from '../../plan/explain.ts';
import { expectedRecipe } from '../../plan/plan.ts';
import { type GraphFormat, graphText, layerJson, planJson } from '../../report/text/graph.ts';
import { checkLines, exportPlanText, recordText, whyText } from '../../report/text/plan.ts';
import { tableLines } from '../../util/table.ts';
import { formatBytes, formatSeconds } from '../../util/units.ts';
import type { PlannedExport } from '../../workspace/export-plan.ts';
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
  const { plan: steps, exports } = planned.value;
  const states = checksIn(planned.value);
  return printResult(options, planJson(steps, exports), (style) =>
    exportPlanText(steps, states, exports, style),
  );
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
  const checks = checksIn(planned.value).filter(({ layer }) => layer === step.node.name);
  return printResult(options, layerJson(step), (style) =>
    [whyText(step, style), ...checkLines(checks, style)].join('\n'),
  );
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
  const { plan: steps, exports } = planned.value;
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
  const exported = exports.map(({ machine, format, reason }) => [
    `${machine} as ${format}`,
    reason === undefined ? 'fresh' : 'export',
    '',
    '',
    reason ?? '',
  ]);
  return printResult(options, planJson(steps, exports), () =>
    tableLines([...rows, ...exported], [2, 3]).join('\n'),
  );
}

/** The checks of the images that are planned, with their states. */
function checksIn({ plan: steps, checks, context }: Planned): readonly CheckState[] {
  return checkStates(checks, knownArtifacts(steps), context.paths.state);
}

/** The plan, and with that of the whole project the exports that vlb.yaml lists. */
async function planOf(
  options: InspectOptions,
): Promise<Result<Planned & { readonly exports: readonly PlannedExport[] }>> {
  const workspace = workspaceOf(options);
  const project = await workspace.load();
  if (!project.ok) return project;
  const planned = await planProject(workspace, project.value, {
    ...NO_ACCESS,
    ...options,
    // Nothing is written to the shared cache to find out whether it could be.
    remote: options.remote === 'off' ? 'off' : 'r',
    emit: printNotes,
    signal: new AbortController().signal,
  });
  if (!planned.ok) return planned;
  if (options.targets.length > 0 || project.value.machines.length === 0) {
    return ok({ ...planned.value, exports: [] });
  }
  const { listedExports } = await import('../../workspace/export-plan.ts');
  const exports = await listedExports(workspace, options.params, project.value, planned.value);
  return exports.ok ? ok({ ...planned.value, exports: exports.value }) : exports;
}
