// Runs one layer: create → stage → attach → mount → run → unmount → detach → commit. Before the commit,
// only a draft and the run's own directory change, and both are always removed.

import { statSync } from 'node:fs';
import path from 'node:path';
import { referenceTo } from '../../kinds/disk.ts';
import { furtherDisksOf } from '../../kinds/further.ts';
import type { Closed, KindOn } from '../../kinds/kind.ts';
import { kindOf } from '../../kinds/registry.ts';
import { type ArtifactName, type BuildRecord, MAIN_DISK, nameOf } from '../../model/artifact.ts';
import type { Emit } from '../../model/event.ts';
import { fail, ok, type Result } from '../../model/failure.ts';
import { manifestText } from '../../model/manifest.ts';
import type { RunPlace } from '../../model/ports/machine.ts';
import type { Draft, FurtherDisk } from '../../model/ports/store.ts';
import { keyOf } from '../../model/recipe.ts';
import { layerRecipe } from '../../plan/key.ts';
import { quoteWord } from '../../util/quote.ts';
import { shortenChain } from '../backing.ts';
import type { Context } from '../run-context.ts';
import { lockCaches } from './caches.ts';
import { dropFailedDisks, saveFailedDisks } from './failed-disk.ts';
import { enter, type Job, type LayerRun } from './job.ts';
import { logFile } from './log.ts';
import { onDraft } from './on-draft.ts';
import { explainFullDisk, fullStore } from './space.ts';
import { taskOf } from './task.ts';

const SECOND = 1000;

/** What a script saw, and how it ended. */
type Done = Closed & Pick<Job, 'staged' | 'further'>;

/**
 * Runs a layer's script on a delta over its parent and commits the result.
 * Fails as `work` when the script failed, `host` when the machine did, `interrupted` on the context's signal.
 */
export async function runLayer(run: LayerRun, context: Context): Promise<Result<BuildRecord>> {
  return withRun(run, context, async (draft, { staged: { manifest }, untouched = [] }, startedAt) => {
    enter('commit', { ...run, context });
    const backed = await settleBacking(run, draft, context);
    const further = backed.ok ? await settleFurther(run, draft, untouched, context) : backed;
    if (context.signal.aborted) return fail('interrupted', `layer ${run.layer.name} was interrupted`);
    if (!backed.ok) return { ok: false, failure: explainFullDisk(backed.failure, context) };
    if (!further.ok) return { ok: false, failure: explainFullDisk(further.failure, context) };
    const recipe = layerRecipe(run.layer, manifestText(manifest), run.lineage);
    const { parent } = run.lineage;
    const key = keyOf(recipe);
    if (run.replaces && run.keeping === 'cached') await context.store.forget(key);
    return draft.commit({
      key,
      // The same layer, whichever image has these parameters.
      layer: path.basename(run.layer.directory),
      parent: parent ?? null,
      ...(backed.value ? { backing: backed.value } : {}),
      recipe,
      keeping: run.keeping,
      further: further.value,
      ...(run.layer.hints.noshare ? { noshare: true as const } : {}),
      startedAt,
      log: logFile(run.layer.name, context.paths),
      signal: context.signal,
    });
  });
}

/** Runs a layer's script on a delta that is discarded after `use`. Fails as {@link runLayer} does. */
export async function withRun<T>(
  run: LayerRun,
  context: Context,
  use: (draft: Draft, done: Done, startedAt: number) => Promise<Result<T>>,
): Promise<Result<T>> {
  const secrets = context.secrets.of(run.layer);
  if (!secrets.ok) return secrets;
  const locked = await lockCaches(run.layer, context);
  if (!locked.ok) return locked;
  using caches = locked.value;
  const dropped = dropFailedDisks(run.layer.name, context.paths);
  if (!dropped.ok) return dropped;
  // Waiting for other runs does not count as its own time.
  const startedAt = performance.now();
  const drafted = await context.store.draft();
  if (!drafted.ok) return drafted;
  await using draft = drafted.value;
  const given = { secrets: secrets.value, caches: caches.all };
  const result = await runOnDraft(run, given, draft, context);
  if (context.signal.aborted) return fail('interrupted', `layer ${run.layer.name} was interrupted`);
  if (!result.ok) return result;
  const { script, further } = result.value;
  if (!script.ok) {
    const { failure } = script;
    // Not on a full disk.
    const disks = [{ name: MAIN_DISK, file: draft.path }, ...further];
    const isSaved = failure.kind === 'work' && (await saveFailedDisks(run, disks, context));
    return {
      ok: false,
      failure: isSaved
        ? { ...failure, look: `${context.shellCommand} --failed ${quoteWord(run.layer.name)}` }
        : failure,
    };
  }
  // A modify-disk writes through caches that report no error when they could not be written.
  const full = fullStore(context);
  if (full) return { ok: false, failure: full };
  return await use(draft, result.value, startedAt);
}

/**
 * Puts a draft that vlb created where it stays in its backing chain, and removes its unused clusters; one that a script
 * created stays as it is. Returns its backing file, if that is not its parent.
 */
export async function settleBacking(
  { layer, lineage }: LayerRun,
  draft: Draft,
  context: Context,
): Promise<Result<ArtifactName | undefined>> {
  if (kindOf(layer).ownsDisk) return ok(undefined);
  const { images } = context.host;
  const parent = lineage.parent && nameOf(lineage.parent);
  const shortened = parent ? await shortenChain(draft, parent, context) : ok(undefined);
  if (!shortened.ok) return shortened;
  const backing = shortened.value ?? parent;
  const compacted = await images.compact(draft.path, backing && referenceTo(backing), context.signal);
  return compacted.ok ? shortened : compacted;
}

/**
 * Removes the unused clusters of the further disks, and returns what they are in the artifact: that of the parent where the script wrote
 * nothing.
 */
async function settleFurther(
  run: LayerRun,
  draft: Draft,
  untouched: readonly string[],
  context: Context,
): Promise<Result<FurtherDisk[]>> {
  const { lineage, keeping } = run;
  const settled: FurtherDisk[] = [];
  for (const { name, parent } of furtherDisksOf(run)) {
    // A file of the store is either cached or not.
    const isKept = parent && lineage.parent?.keeping === keeping && untouched.includes(name);
    if (isKept && !run.layer.hints.disks.some((disk) => disk.name === name)) {
      settled.push(parent);
      continue;
    }
    const file = draft.further(name);
    const backing = parent && lineage.parent && { digest: parent.digest, keeping: lineage.parent.keeping };
    const compacted = await context.host.images.compact(
      file,
      backing && referenceTo(backing),
      context.signal,
    );
    if (!compacted.ok) return compacted;
    settled.push({ name, file });
  }
  return ok(settled);
}

/** Runs the script on the draft and closes it. Returns what the script saw, and how it ended. */
async function runOnDraft(
  run: LayerRun,
  given: Pick<Job, 'secrets' | 'caches'>,
  draft: Draft,
  context: Context,
): Promise<Result<Done>> {
  const kind = kindOf(run.layer);
  // The kinds differ in the type of what they run on.
  return kind.place === 'guest'
    ? runKind(kind, run, given, draft, context)
    : runKind(kind, run, given, draft, context);
}

async function runKind<Bench extends RunPlace>(
  kind: KindOn<Bench>,
  run: LayerRun,
  given: Pick<Job, 'secrets' | 'caches'>,
  draft: Draft,
  context: Context,
): Promise<Result<Done>> {
  enter('create', { ...run, context });
  enter('stage', { ...run, context });
  return onDraft({ run, draft }, context, kind.open, async (made) => {
    using _meter = meter(run.layer.name, draft.path, context.emit);
    const done = await kind.run(taskOf({ ...run, ...given, ...made, draft, context }));
    if (!done.ok) return done;
    const { script } = done.value;
    return ok({
      ...done.value,
      // Explained here, while what may have filled a disk still exists.
      script: script.ok ? script : { ok: false, failure: explainFullDisk(script.failure, context) },
      staged: made.staged,
      further: made.further,
    });
  });
}

/** Emits the size of a draft once a second, until disposed of. A run that takes less is never measured. */
function meter(layer: string, file: string, emit: Emit): Disposable {
  const timer = setInterval(() => {
    const stat = statSync(file, { throwIfNoEntry: false });
    if (stat) emit({ type: 'layer-size', layer, bytes: stat.size });
  }, SECOND).unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
