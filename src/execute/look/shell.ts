// A person's look inside a layer: its disk on a throwaway overlay, in the chroot or the box that its script has.

import { mkdirSync } from 'node:fs';
import path from 'node:path';
import { type Artifact, artifactFile } from '../../model/artifact.ts';
import { fail, type Result } from '../../model/failure.ts';
import type { LayerNode } from '../../model/graph.ts';
import { chrootScript, mountAll } from '../kinds/build-layer.ts';
import { makesItsOwnDisk, needsDevice } from '../kinds/legacy-disk.ts';
import { createDelta, hostScript } from '../kinds/modify-disk.ts';
import type { Cache } from '../run/caches.ts';
import { scriptEnvironment } from '../run/environment.ts';
import type { Job } from '../run/job.ts';
import { newRunDirectory, openRun } from '../run/open-run.ts';
import { stageInputs } from '../run/stage.ts';
import type { Context } from '../run-context.ts';
import { type DiskState, findDisk } from './disk-state.ts';

export interface ShellOptions {
  readonly node: LayerNode;
  readonly state: DiskState;
  /** What to run in place of a shell; empty for a shell. */
  readonly argv: readonly string[];
  /** Whether vlb's own streams are a terminal; a person is at it then. */
  readonly hasTerminal: boolean;
}

/**
 * Sets up what a layer's script sees, runs a shell there and throws all of it away. Returns the shell's exit status.
 * Fails as `usage` where the disk is not there, naming what to run; otherwise like `runLayer`.
 * @param known the artifacts that there are, by the names of their nodes
 */
export async function openShell(
  options: ShellOptions,
  known: ReadonlyMap<string, Artifact>,
  context: Context,
): Promise<Result<number>> {
  const { layer } = options.node;
  const found = await findDisk(options, known, context);
  if (!found.ok) return found;
  const { below, backing } = found.value;
  const secrets = context.secrets.given(layer);
  if (!secrets.ok) return secrets;
  const drafted = await context.store.draft();
  if (!drafted.ok) return drafted;
  await using draft = drafted.value;
  const run = { layer, below, keeping: 'uncached', replaces: false } as const;
  const created =
    backing === undefined
      ? await createDelta(run, draft.path, context)
      : await context.host.images.create(draft.path, { backing });
  if (!created.ok) return created;

  const directory = newRunDirectory(context);
  const opened = await openRun(directory, context);
  if (!opened.ok) return opened;
  await using bench = opened.value;
  const inputs = path.join(directory, 'inputs');
  const hasher = await context.loadHasher();
  const staged = await stageInputs(layer, context.paths.project, inputs, hasher, context.signal);
  if (!staged.ok) return staged;
  const caches = emptyCaches(layer.hints.cacheDirs, directory);
  const job: Job = {
    ...run,
    secrets: secrets.value,
    caches,
    context,
    bench,
    draft,
    staged: staged.value,
    directory,
  };
  const onAbort = () => bench.kill();
  context.signal.addEventListener('abort', onAbort);
  try {
    if (context.signal.aborted) return interrupted(layer.name);
    const ended = await (layer.kind === 'build-layer' ? inChroot(job, options) : onHost(job, options));
    return context.signal.aborted ? interrupted(layer.name) : ended;
  } finally {
    context.signal.removeEventListener('abort', onAbort);
  }
}

/** In place of those that are kept between builds: nothing that is typed here is. */
function emptyCaches(targets: readonly string[], directory: string): Cache[] {
  return targets.map((target, index) => {
    const source = path.join(directory, `cache-${index}`);
    mkdirSync(source);
    return { source, target };
  });
}

async function inChroot(job: Job, options: ShellOptions): Promise<Result<number>> {
  const { bench, draft } = job;
  const disk = await bench.attach(draft.path);
  if (!disk.ok) return disk;
  const system = await mountAll(job, disk.value);
  if (!system.ok) return system;
  greet(job, options);
  const script = chrootScript(job, argvOf(options), options.hasTerminal ? 'terminal' : 'own');
  return bench.runInChroot(system.value, {
    ...script,
    environment: { ...script.environment, ...terminalVariables(options) },
  });
}

/** For a modify-disk: on the host, as its script, with the variables SOURCE, TARGET and DEVICE for its arguments. */
async function onHost(job: Job, options: ShellOptions): Promise<Result<number>> {
  const { bench, draft, below, context, layer } = job;
  const attachesItself = options.state === 'parent' && makesItsOwnDisk(layer);
  if (attachesItself && !context.host.lendsDevices) return needsDevice(layer);
  const disk = await (attachesItself ? bench.lendDevice() : bench.attach(draft.path));
  if (!disk.ok) return disk;
  const source = below.parent ? path.join(context.store.artifactDirectory, artifactFile(below.parent)) : '';
  greet(job, options);
  const script = hostScript(job, argvOf(options), options.hasTerminal ? 'terminal' : 'own');
  return bench.runOnHost({
    ...script,
    environment: {
      ...script.environment,
      ...terminalVariables(options),
      ...(options.state === 'parent' ? { SOURCE: source, TARGET: draft.path } : {}),
      DEVICE: disk.value.device,
    },
    ...(attachesItself ? { lent: disk.value } : {}),
  });
}

/** Becomes bash where there is one; its own files would set another prompt. */
const SHELL =
  'PS1=$1; export PS1; for shell in /bin/bash /usr/bin/bash; do [ ! -x "$shell" ] || exec "$shell" --norc; done; exec /bin/sh';

function argvOf({ node, argv }: ShellOptions): readonly [string, ...string[]] {
  const [command, ...args] = argv;
  if (command !== undefined) return [command, ...args];
  const what =
    node.layer.kind === 'build-layer' ? ': nothing is kept' : ' on this host: its disk is not kept';
  return ['/bin/sh', '-c', SHELL, 'sh', `[${node.name}${what}] # `];
}

function terminalVariables({ hasTerminal }: ShellOptions): Readonly<Record<string, string>> {
  return hasTerminal ? { TERM: process.env['TERM'] ?? scriptEnvironment({})['TERM'] ?? '' } : {};
}

const STATES: Readonly<Record<DiskState, string>> = {
  built: 'as it was built',
  parent: 'before its script',
  failed: 'as its script left it when it failed',
};

/** Says where a person is, and the way out. */
function greet({ context, layer }: Job, { state, argv, hasTerminal }: ShellOptions): void {
  if (!hasTerminal || argv.length > 0) return;
  const { message, script } =
    layer.kind === 'build-layer'
      ? {
          message: `this is ${layer.name} ${STATES[state]}; "exit" or ^D leaves, and nothing that was changed is kept`,
          script: './build-layer',
        }
      : {
          // The rest of the host is as real as anywhere.
          message: `you are root on this host, with ${layer.name} ${STATES[state]} as $DEVICE; "exit" or ^D leaves, and nothing that was written to $DEVICE is kept`,
          script: './modify-disk "$SOURCE" "$TARGET" "$DEVICE"',
        };
  context.emit({ type: 'note', message });
  if (state === 'parent') context.emit({ type: 'note', message: `its script would be run as ${script}` });
}

function interrupted(layer: string): Result<never> {
  return fail('interrupted', `the shell of layer ${layer} was interrupted`);
}
