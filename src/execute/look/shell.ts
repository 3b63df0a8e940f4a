// A shell in a layer: on a throwaway overlay of its disk, in the chroot or sandbox that its script has.

import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { openBench } from '../../kinds/disk.ts';
import type { Cache } from '../../kinds/kind.ts';
import { kindOf } from '../../kinds/registry.ts';
import type { Artifact } from '../../model/artifact.ts';
import type { Environment } from '../../model/environment.ts';
import { fail, type Result } from '../../model/failure.ts';
import type { LayerNode } from '../../model/graph.ts';
import type { Plan } from '../../model/plan.ts';
import { quoteWord } from '../../util/quote.ts';
import type { Job } from '../run/job.ts';
import { onDraft } from '../run/on-draft.ts';
import { taskOf } from '../run/task.ts';
import type { Context } from '../run-context.ts';
import { type DiskState, findDisk } from './disk-state.ts';

export interface ShellOptions {
  readonly node: LayerNode;
  /** The plan that the layer is in. */
  readonly plan: Plan;
  readonly state: DiskState;
  /** The command to run instead of a shell; empty for a shell. */
  readonly argv: readonly string[];
  /** Whether vlb's own streams are a terminal, and so interactive. */
  readonly hasTerminal: boolean;
}

/**
 * Sets up what a layer's script sees, runs a shell there and discards all of it. Returns the shell's exit status.
 * Fails as `usage` when there is no disk in that state, naming the command to run; otherwise like `runLayer`.
 * @param known the artifacts that exist, by the names of their nodes
 */
export async function openShell(
  options: ShellOptions,
  known: ReadonlyMap<string, Artifact>,
  context: Context,
): Promise<Result<number>> {
  const { layer } = options.node;
  const found = await findDisk(options, known, context);
  if (!found.ok) return found;
  const { lineage, backing } = found.value;
  const secrets = context.secrets.given(layer);
  if (!secrets.ok) return secrets;
  const drafted = await context.store.draft();
  if (!drafted.ok) return drafted;
  await using draft = drafted.value;
  const kind = kindOf(layer);
  const run = { layer, lineage, keeping: 'uncached', replaces: false } as const;
  const ended = await onDraft(
    { run, draft, backing },
    context,
    kind.place === 'guest' ? openBench : kind.open,
    async (made) => {
      const caches = emptyCaches(layer.hints.cacheDirs, made.directory);
      const job: Job = { ...run, ...made, secrets: secrets.value, caches, context, draft };
      return kindOf(layer).look(taskOf(job), {
        argv: shellArgv(`[${layer.name}${kindOf(layer).shell.prompt}] # `, options.argv),
        streams: options.hasTerminal ? 'terminal' : 'own',
        variables: terminalVariables(options.hasTerminal, context.environment),
        isBefore: options.state === 'parent',
        onReady: () => greet(job, options),
      });
    },
  );
  return context.signal.aborted
    ? fail('interrupted', `the shell of layer ${layer.name} was interrupted`)
    : ended;
}

/** Instead of those that persist between builds: a shell leaves nothing behind. */
function emptyCaches(targets: readonly string[], directory: string): Cache[] {
  return targets.map((target, index) => {
    const source = path.join(directory, `cache-${index}`);
    mkdirSync(source);
    return { source, target };
  });
}

/** Becomes bash where there is one; bash's start-up files would set another prompt. */
const SHELL =
  'PS1=$1; export PS1; for shell in /bin/bash /usr/bin/bash; do [ ! -x "$shell" ] || exec "$shell" --norc; done; exec /bin/sh';

/** The command, or a shell with a prompt if it is empty. */
export function shellArgv(prompt: string, argv: readonly string[]): readonly [string, ...string[]] {
  const [command, ...args] = argv;
  return command === undefined ? ['/bin/sh', '-c', SHELL, 'sh', prompt] : [command, ...args];
}

export function terminalVariables(
  hasTerminal: boolean,
  environment: Environment,
): Readonly<Record<string, string>> {
  return hasTerminal ? { TERM: environment.variables['TERM'] ?? 'dumb' } : {};
}

const STATES: Readonly<Record<DiskState, string>> = {
  built: 'as built',
  parent: 'before its script',
  failed: 'as its script left it',
};

/** Notes which disk the shell is in, and how to leave it. */
function greet({ context, layer }: Job, { state, argv, hasTerminal, plan }: ShellOptions): void {
  if (!hasTerminal || argv.length > 0) return;
  const { greeting, command } = kindOf(layer).shell;
  context.emit({ type: 'note', message: greeting(`${layer.name} ${STATES[state]}`) });
  if (state === 'failed') noteStepsLeft(layer.name, plan, context);
  if (state !== 'parent' || command === undefined) return;
  context.emit({ type: 'note', message: `to run its script: ${command}` });
}

/** Notes how the steps run that a failed run of a layer.yaml did not complete. */
function noteStepsLeft(name: string, plan: Plan, { emit }: Pick<Context, 'emit'>): void {
  const action = plan.find(({ node }) => node.name === name)?.action;
  if (action?.type !== 'run' || !action.begins) return;
  const { index, count, title } = action.begins;
  emit({
    type: 'note',
    message: `to run from step ${index}/${count} (${title}) on: vlb build ${quoteWord(name)}`,
  });
}
