// vlb plan, why, graph and ls: what a build would do, and why; nothing is built.

import type { Planned } from '../../execute/execute.ts';
import { bytesOf } from '../../model/artifact.ts';
import { type Failure, fail, type Result } from '../../model/failure.ts';
import { explain } from '../../plan/explain.ts';
import { expectedRecipe } from '../../plan/plan.ts';
import { createStyle, wantsColor } from '../../report/terminal/style.ts';
import { type GraphFormat, graphText, layerJson } from '../../report/text/graph.ts';
import { planText, recordText, whyText } from '../../report/text/plan.ts';
import { tableLines } from '../../util/table.ts';
import { formatBytes, formatSeconds } from '../../util/units.ts';
import { findRecord } from '../../workspace/look.ts';
import { planProject } from '../../workspace/planning.ts';
import { NO_ACCESS, type Selection } from '../../workspace/request.ts';
import { EXIT } from '../exit-status.ts';
import { workspaceOf } from '../open-workspace.ts';
import type { GlobalOptions } from '../options.ts';
import { printNotes } from '../terminal/streams.ts';

export interface InspectOptions extends GlobalOptions, Selection {
  readonly json: boolean;
}

/** Prints what `vlb build` would do. */
export async function plan(options: InspectOptions): Promise<number | Failure> {
  const planned = await planOf(options);
  if (!planned.ok) return planned.failure;
  const steps = planned.value.plan;
  return print(
    options.json ? JSON.stringify(steps.map(layerJson), undefined, 2) : planText(steps, styleOf(options)),
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
    return print(
      options.json
        ? JSON.stringify({ layer: step.node.name, record: record.value.key, changes }, undefined, 2)
        : recordText(step.node.name, record.value, changes, styleOf(options)),
    );
  }
  return print(
    options.json ? JSON.stringify(layerJson(step), undefined, 2) : whyText(step, styleOf(options)),
  );
}

/** Prints which layers depend on which. */
export async function graph(
  options: InspectOptions & { readonly format: GraphFormat },
): Promise<number | Failure> {
  const planned = await planOf(options);
  if (!planned.ok) return planned.failure;
  return print(graphText(planned.value.plan, options.json ? 'json' : options.format, styleOf(options)));
}

/** Prints the layers, each with its state, and the size and time of its last build. */
export async function ls(options: InspectOptions): Promise<number | Failure> {
  const planned = await planOf(options);
  if (!planned.ok) return planned.failure;
  const steps = planned.value.plan;
  if (options.json) return print(JSON.stringify(steps.map(layerJson), undefined, 2));
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
  return print(tableLines(rows, [2, 3]).join('\n'));
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

function styleOf(options: GlobalOptions) {
  return createStyle(wantsColor(options.color, process.stdout));
}

function print(text: string): number {
  process.stdout.write(`${text}\n`);
  return EXIT.ok;
}
