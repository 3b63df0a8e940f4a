// vlb shell: a look inside a layer, of which nothing is kept.

import type { DiskState } from '../../execute/look/disk-state.ts';
import type { Context } from '../../execute/run-context.ts';
import type { Artifact } from '../../model/artifact.ts';
import type { BuildEvent } from '../../model/event.ts';
import { type Failure, fail } from '../../model/failure.ts';
import type { LayerNode } from '../../model/graph.ts';
import type { Plan } from '../../model/plan.ts';
import { loadProject } from '../../project/project.ts';
import { createStyle, wantsColour } from '../../report/terminal/style.ts';
import { failureText } from '../../report/text/failure.ts';
import { exitStatusOf } from '../exit-status.ts';
import type { GlobalOptions } from '../options.ts';
import { createInterrupt } from '../terminal/interrupt.ts';
import { hasTerminal } from '../terminal/streams.ts';
import { wireBuild } from '../wire.ts';

export interface ShellCommandOptions extends GlobalOptions {
  readonly layer: string;
  readonly state: DiskState;
  /** What to run in place of a shell. */
  readonly argv: readonly string[];
  readonly nbd: readonly string[];
  readonly params: readonly string[];
  readonly secrets: readonly string[];
}

/** Runs a shell or a command in a layer. Returns its exit status, or the failure to tell. */
export async function shell(options: ShellCommandOptions): Promise<number | Failure> {
  const interrupt = createInterrupt();
  const emit = (event: BuildEvent) => {
    if (event.type === 'note') process.stderr.write(`note: ${event.message}\n`);
  };
  const project = await loadProject(options.directory);
  if (!project.ok) return project.failure;
  const wired = await wireBuild(project.value, {
    ...options,
    remote: 'off',
    targets: [options.layer],
    force: [],
    emit,
    signal: interrupt.signal,
  });
  if (!wired.ok) return wired.failure;
  const { plan, context } = wired.value;
  // The layer that was asked for comes behind all that it needs.
  const node = plan.at(-1)?.node;
  if (node?.type !== 'layer') return fail('usage', 'there is no layer to look into').failure;
  const able = await context.host.check();
  if (!able.ok) return able.failure;
  interrupt.listen();
  const cleared = await context.host.clearLeftovers(context.paths.runs);
  if (!cleared.ok) return cleared.failure;
  const known = await artifactsInPlace(plan, shownIn(options.state, node), context);
  const { openShell } = await import('../../execute/look/shell.ts');
  const ended = await openShell({ ...options, node, hasTerminal: hasTerminal() }, known, context);
  if (ended.ok) return ended.value;
  return ended.failure.kind === 'interrupted'
    ? exitStatusOf(ended.failure, interrupt.received())
    : ended.failure;
}

/** `--on-error shell`: what went wrong, and a shell on the disk as the script left it. */
export async function shellAfterFailure(
  node: LayerNode,
  failure: Failure,
  known: ReadonlyMap<string, Artifact>,
  context: Context,
  colour: boolean | undefined,
): Promise<void> {
  const style = createStyle(wantsColour(colour, process.stderr));
  const tell = (what: Failure) => process.stderr.write(`${failureText(what, style)}\n`);
  tell(failure);
  const { openShell } = await import('../../execute/look/shell.ts');
  const ended = await openShell({ node, state: 'failed', argv: [], hasTerminal: true }, known, context);
  if (!ended.ok && ended.failure.kind !== 'interrupted') tell(ended.failure);
}

function shownIn(state: DiskState, node: LayerNode): string | undefined {
  return { built: node.name, parent: node.parent, failed: undefined }[state];
}

/** What there is of each node, by name: what a build would find, or else what was built last; of that one shown it is told. */
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
    emit({
      type: 'note',
      message: `${node.name} is shown as it was last built; since then: ${action.reason}`,
    });
  }
  return known;
}
