// The steps that are a modify-disk's own: its disk, made by vlb (`disk-size`) or, in older projects, by the script itself.

import { chmodSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { artifactFile } from '../../model/artifact.ts';
import { fail, ok, type Result } from '../../model/failure.ts';
import type { Disk, HostScript, Streams } from '../../model/ports/machine.ts';
import { systemError } from '../../util/errors.ts';
import { scriptEnvironment } from '../run/environment.ts';
import { type Closed, enter, type Job, type LayerRun } from '../run/job.ts';
import { leavesDisk, runScript } from '../run/script.ts';
import { fullStore } from '../run/space.ts';
import type { Context } from '../run-context.ts';
import { makesItsOwnDisk, needsDevice } from './legacy-disk.ts';

/** Makes the empty delta of a run, over its parent and as large as the layer wants it. */
export async function createDelta(
  { layer, below }: LayerRun,
  file: string,
  { host, store }: Context,
): Promise<Result<void>> {
  if (makesItsOwnDisk(layer)) {
    try {
      writeFileSync(file, ''); // so that it belongs to the user, whoever writes it
      return ok();
    } catch (error) {
      const { message } = systemError(error);
      return fail('host', `the disk cannot be made: ${message}`, { where: { file } });
    }
  }
  const size = layer.hints.diskSize;
  const { parent } = below;
  if (parent && size !== undefined) {
    const disk = await host.images.info(path.join(store.artifactDirectory, artifactFile(parent)));
    if (!disk.ok) return disk;
    if (disk.value.virtualSize > size) {
      return fail(
        'usage',
        `the disk-size of layer ${layer.name} is less than its parent's, ${disk.value.virtualSize} bytes`,
        {
          where: { file: path.join(layer.directory, layer.kind) },
          hint: 'a disk can only grow',
        },
      );
    }
  }
  return host.images.create(file, {
    ...(parent ? { backing: `./${artifactFile(parent)}` } : {}),
    ...(size === undefined ? {} : { size }),
  });
}

/** Runs a modify-disk, with its disk attached unless it does that itself. */
export async function modifyDisk(job: Job): Promise<Result<Closed>> {
  const { bench, layer, draft, context } = job;
  const { parent } = job.below;
  const source = parent ? path.join(context.store.artifactDirectory, artifactFile(parent)) : '';
  if (makesItsOwnDisk(layer)) {
    if (!context.host.lendsDevices) return needsDevice(layer);
    const lent = await bench.lendDevice();
    if (!lent.ok) return lent;
    const ran = await runModifyDisk(job, source, lent.value, true);
    if (!ran.ok) return ran;
    const givenBack = await bench.detach(lent.value);
    if (!givenBack.ok) return givenBack;
    const adopted = await adoptDisk(job, source);
    return adopted.ok ? ok({ script: ran }) : adopted;
  }
  enter('attach', job);
  const disk = await bench.attach(draft.path);
  if (!disk.ok) return disk;
  const script = await runModifyDisk(job, source, disk.value, false);
  if (!script.ok && !leavesDisk(script.failure)) return script;
  if (script.ok) {
    const trimmed = await trim(job, disk.value);
    if (!trimmed.ok) return trimmed;
  }
  enter('detach', job);
  const detached = await bench.detach(disk.value);
  if (!detached.ok) return script.ok ? detached : script;
  return ok({ script });
}

async function trim(job: Job, disk: Disk): Promise<Result<void>> {
  const { bench, context } = job;
  enter('unmount', job);
  const flushed = await bench.flush(disk);
  if (!flushed.ok) return flushed;
  // Before the trim, which makes room: what the script's own file systems could not write is gone, and nobody was told.
  const full = fullStore(context);
  return full ? { ok: false, failure: full } : bench.trim(disk);
}

function runModifyDisk(job: Job, source: string, disk: Disk, attachesItself: boolean): Promise<Result<void>> {
  const { bench, draft } = job;
  enter('run', job);
  return runScript(job, (onOutput) =>
    bench.runOnHost({
      ...hostScript(job, ['./modify-disk', source, draft.path, disk.device], onOutput),
      ...(attachesItself ? { lent: disk, makes: draft.path } : {}),
    }),
  );
}

/** What a modify-disk sees, with whatever is to run in its place. */
export function hostScript(
  { layer, staged, secrets, directory }: Job,
  argv: readonly [string, ...string[]],
  streams: Streams,
): HostScript {
  return {
    inputs: staged.inputs,
    argv,
    environment: { ...scriptEnvironment(process.env, layer.params), TMPDIR: path.join(directory, 'tmp') },
    streams,
    secrets,
    noNetwork: layer.hints.noNetwork,
  };
}

/** Takes over the disk that a script made by itself: its backing reference becomes one that can be moved. */
async function adoptDisk({ layer, below, draft, context }: Job, source: string): Promise<Result<void>> {
  const where = { file: path.join(layer.directory, layer.kind) };
  if (!statSync(draft.path, { throwIfNoEntry: false })?.size) {
    return fail('work', `layer ${layer.name}: modify-disk ended well but made no disk`, {
      where,
      hint: 'it has to write its second argument, TARGET',
    });
  }
  chmodSync(draft.path, 0o644);
  const made = await context.host.images.info(draft.path);
  if (!made.ok) return made;
  const { format, backing, externalData } = made.value;
  if (format !== 'qcow2' || externalData || (backing !== undefined && backing !== source)) {
    return fail('work', `layer ${layer.name}: modify-disk made a disk that cannot be kept`, {
      where,
      hint: 'TARGET has to be a qcow2 file that stands on SOURCE or on nothing',
      detail: [`it is ${format}${backing === undefined ? '' : ` and stands on ${backing}`}`],
    });
  }
  if (backing === undefined || !below.parent) return ok();
  return context.host.images.setBacking(draft.path, `./${artifactFile(below.parent)}`);
}
