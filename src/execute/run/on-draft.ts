// What a run and a shell have in common: a disk that vlb creates, a copy of the inputs, and what works on both.

import path from 'node:path';
import { createFurther, furtherDisksOf } from '../../kinds/further.ts';
import type { DiskFile, Images, KindOn } from '../../kinds/kind.ts';
import { kindOf } from '../../kinds/registry.ts';
import { MAIN_DISK } from '../../model/artifact.ts';
import { type Failure, ok, type Result } from '../../model/failure.ts';
import type { RunPlace } from '../../model/ports/machine.ts';
import type { Draft } from '../../model/ports/store.ts';
import type { Context } from '../run-context.ts';
import type { Job, LayerRun } from './job.ts';
import { killedOnAbort, newRunDirectory, openRun } from './run-directory.ts';
import { explainFullDisk } from './space.ts';
import { stageInputs } from './stage.ts';

export interface Prepared {
  readonly run: LayerRun;
  readonly draft: Draft;
  /** The backing file of each disk of the draft, absolute, by name; by default the draft is created like the deltas of a run. */
  readonly backing?: ReadonlyMap<string, string> | undefined;
}

/**
 * Creates the disks and the run's directory, opens what `open` opens there, and calls `work`. A full disk is named as the cause of a
 * failure.
 */
export async function onDraft<T, Bench extends RunPlace>(
  { run, draft, backing }: Prepared,
  context: Context,
  open: KindOn<Bench>['open'],
  work: (made: Pick<Job<Bench>, 'bench' | 'further' | 'staged' | 'directory'>) => Promise<Result<T>>,
): Promise<Result<T>> {
  const { host, store, paths, signal } = context;
  const directory = newRunDirectory(context);
  // Three things in parallel: other processes create the disk and the root shell while this one copies.
  const opening = openRun(directory, (own) => open(host, own, run.owner));
  const where = { images: host.images, artifactDirectory: store.artifactDirectory };
  const creating =
    backing === undefined ? createDisks(run, draft, where) : createOverlays(draft, backing, where);
  const inputs = path.join(directory, 'inputs');
  const staged = await stageInputs(run.layer, paths.project, inputs, await context.loadHasher(), signal);
  const created = await creating;
  const opened = await opening;
  // Here, while what may have filled a disk still exists: the draft, and the run's directory.
  const failed = (failure: Failure) => ({ ok: false, failure: explainFullDisk(failure, context) }) as const;
  if (!opened.ok) return failed(opened.failure);
  await using bench = opened.value;
  if (!created.ok) return failed(await explainParent(created.failure, run, context));
  if (!staged.ok) return failed(staged.failure);

  const { value } = staged;
  const further = created.value;
  const done = await killedOnAbort(bench, signal, () => work({ bench, further, staged: value, directory }));
  return done.ok ? done : failed(done.failure);
}

/** Creates the disks of a run, and returns the further ones. */
async function createDisks(run: LayerRun, draft: Draft, images: Images): Promise<Result<DiskFile[]>> {
  const main = await kindOf(run.layer).createDisk(run, draft.path, images);
  if (!main.ok) return main;
  const further: DiskFile[] = [];
  for (const disk of furtherDisksOf(run)) {
    const file = draft.further(disk.name);
    const created = await createFurther(run, disk, file, images);
    if (!created.ok) return created;
    further.push({ name: disk.name, file });
  }
  return ok(further);
}

/** Creates empty deltas over files, and returns those of the further disks. */
async function createOverlays(
  draft: Draft,
  backing: ReadonlyMap<string, string>,
  { images }: Pick<Images, 'images'>,
): Promise<Result<DiskFile[]>> {
  const further: DiskFile[] = [];
  for (const [name, below] of backing) {
    const file = name === MAIN_DISK ? draft.path : draft.further(name);
    const created = await images.create(file, { backing: below });
    if (!created.ok) return created;
    if (name !== MAIN_DISK) further.push({ name, file });
  }
  return ok(further);
}

/** A parent that is refused may be damaged: then it is moved aside, and the next build rebuilds it. */
async function explainParent(failure: Failure, { lineage }: LayerRun, context: Context): Promise<Failure> {
  const { parent } = lineage;
  if (!parent || failure.kind !== 'host' || (await context.store.examine(parent, context.signal)))
    return failure;
  return { ...failure, hint: 'run vlb build again to rebuild the damaged layer' };
}
