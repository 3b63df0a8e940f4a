// vlb plan, why, graph and ls: what a build would do, and why; nothing is built.

import path from 'node:path';
import type { BuildRecord } from '../../model/artifact.ts';
import { type Failure, fail, ok, type Result } from '../../model/failure.ts';
import type { Store } from '../../model/ports/store.ts';
import { explain } from '../../plan/explain.ts';
import { expectedRecipe } from '../../plan/plan.ts';
import { loadProject } from '../../project/project.ts';
import { createStyle, wantsColour } from '../../report/terminal/style.ts';
import { type GraphFormat, graphText, layerJson } from '../../report/text/graph.ts';
import { planText, recordText, whyText } from '../../report/text/plan.ts';
import { formatBytes, formatSeconds } from '../../util/units.ts';
import { EXIT } from '../exit-status.ts';
import type { GlobalOptions } from '../options.ts';
import { wireBuild } from '../wire.ts';

export interface InspectOptions extends GlobalOptions {
  readonly targets: readonly string[];
  readonly json: boolean;
  readonly params: readonly string[];
  readonly force: 'all' | readonly string[];
}

/** Prints what `vlb build` would do. */
export async function plan(options: InspectOptions): Promise<number | Failure> {
  const wired = await wire(options);
  if (!wired.ok) return wired.failure;
  const steps = wired.value.plan;
  return print(
    options.json ? JSON.stringify(steps.map(layerJson), undefined, 2) : planText(steps, styleOf(options)),
  );
}

/** Prints why one layer would run, or that it would not; or what is different in it from a record of the store. */
export async function why(
  options: InspectOptions & { readonly record: string | undefined },
): Promise<number | Failure> {
  const wired = await wire(options);
  if (!wired.ok) return wired.failure;
  // The layer that was asked for comes behind all that it needs.
  const step = wired.value.plan.at(-1);
  if (!step) return fail('usage', 'there is nothing to explain').failure;
  if (options.record !== undefined) {
    const record = await findRecord(options.record, wired.value.context.store);
    if (!record.ok) return record.failure;
    const { plan: steps, recipeOf } = wired.value;
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

/** The one record whose key begins like this. Fails as `usage` when there is none, or several. */
async function findRecord(prefix: string, store: Store): Promise<Result<BuildRecord>> {
  if (!/^[0-9a-f]{1,64}$/.test(prefix)) {
    return fail('usage', `--record ${prefix}: not a key`, {
      hint: 'a key is 64 hexadecimal digits, of which the first few are enough; vlb ls shows those of the layers',
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

/** Prints what stands on what. */
export async function graph(
  options: InspectOptions & { readonly format: GraphFormat },
): Promise<number | Failure> {
  const wired = await wire(options);
  if (!wired.ok) return wired.failure;
  return print(graphText(wired.value.plan, options.json ? 'json' : options.format, styleOf(options)));
}

/** Prints the layers, each with its state, and the size and time of its last build. */
export async function ls(options: InspectOptions): Promise<number | Failure> {
  const wired = await wire(options);
  if (!wired.ok) return wired.failure;
  const steps = wired.value.plan;
  if (options.json) return print(JSON.stringify(steps.map(layerJson), undefined, 2));
  const rows = steps.map(({ node, action }) => {
    const record = action.type === 'run' ? undefined : action.record;
    const size = record ? formatBytes(record.artifact.bytes) : '';
    return [
      node.name,
      action.type,
      size.padStart(8),
      record ? formatSeconds(record.seconds).padStart(8) : '',
      record ? record.key.slice(0, 12) : '',
    ];
  });
  const widths = [0, 1, 2, 3].map((column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
  return print(
    rows
      .map((row) =>
        row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd(),
      )
      .join('\n'),
  );
}

async function wire(options: InspectOptions): ReturnType<typeof wireBuild> {
  const project = await loadProject(options.directory);
  if (!project.ok) return project;
  const emit = (event: { type: string; message?: string }) => {
    if (event.type === 'note') process.stderr.write(`note: ${event.message}\n`);
  };
  return wireBuild(project.value, {
    ...options,
    // Nothing is written there to see whether it could be.
    remote: options.remote === 'off' ? 'off' : 'r',
    nbd: [],
    secrets: [],
    emit,
    signal: new AbortController().signal,
  });
}

function styleOf(options: GlobalOptions) {
  return createStyle(wantsColour(options.colour, process.stdout));
}

function print(text: string): number {
  process.stdout.write(`${text}\n`);
  return EXIT.ok;
}
