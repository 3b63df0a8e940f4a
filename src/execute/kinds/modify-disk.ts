// The run of a modify-disk: its disk is created by vlb (`disk-size`) or, in older projects, by the script itself.

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

/** Creates the empty delta of a run over its parent, with the size that the layer sets. */
export async function createDelta(
  { layer, lineage }: LayerRun,
  file: string,
  { host, store }: Context,
): Promise<Result<void>> {
  if (makesItsOwnDisk(layer)) {
    try {
      writeFileSync(file, ''); // so that the user owns it, even when root writes it
      return ok();
    } catch (error) {
      const { message } = systemError(error);
      return fail('host', `cannot create the disk: ${message}`, { where: { file } });
    }
  }
  const size = layer.hints.diskSize;
  const { parent } = lineage;
  if (parent && size !== undefined) {
    const disk = await host.images.info(path.join(store.artifactDirectory, artifactFile(parent)));
    if (!disk.ok) return disk;
    if (disk.value.virtualSize > size) {
      return fail(
        'usage',
        `the disk-size of layer ${layer.name} is smaller than the disk of its parent (${disk.value.virtualSize} bytes)`,
        {
          where: { file: path.join(layer.directory, layer.kind) },
          hint: 'use at least that size: a disk can only grow',
        },
      );
    }
  }
  return host.images.create(file, {
    ...(parent ? { backing: `./${artifactFile(parent)}` } : {}),
    ...(size === undefined ? {} : { size }),
  });
}

/** Runs a modify-disk, with its disk attached unless the script does that itself. */
export async function modifyDisk(job: Job): Promise<Result<Closed>> {
  const { bench, layer, draft, context } = job;
  const { parent } = job.lineage;
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
  // Before the trim, which frees space: what the script's own file systems could not write is lost without an error.
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

/** The environment of a modify-disk, and the command to run in it. */
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

/** Takes over a disk that the script created: its reference to the backing file becomes a relative one. */
async function adoptDisk({ layer, lineage, draft, context }: Job, source: string): Promise<Result<void>> {
  const where = { file: path.join(layer.directory, layer.kind) };
  if (!statSync(draft.path, { throwIfNoEntry: false })?.size) {
    return fail('work', `layer ${layer.name}: modify-disk succeeded but created no disk`, {
      where,
      hint: 'write the disk to its second argument, TARGET',
    });
  }
  chmodSync(draft.path, 0o644);
  const made = await context.host.images.info(draft.path);
  if (!made.ok) return made;
  const { format, backing, externalData } = made.value;
  if (format !== 'qcow2' || externalData || (backing !== undefined && backing !== source)) {
    return fail('work', `layer ${layer.name}: modify-disk created a disk that vlb cannot use`, {
      where,
      hint: 'make TARGET a qcow2 file with SOURCE as its backing file, or without a backing file',
      detail: [`its format is ${format}${backing === undefined ? '' : `, its backing file ${backing}`}`],
    });
  }
  if (backing === undefined || !lineage.parent) return ok();
  return context.host.images.setBacking(draft.path, `./${artifactFile(lineage.parent)}`);
}
