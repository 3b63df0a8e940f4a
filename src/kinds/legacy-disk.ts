// The kind of older modify-disk scripts, which create and attach their disk themselves with qemu-img and qemu-nbd.

import { chmodSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { nameOf } from '../model/artifact.ts';
import { fail, failAt, ok, type Result } from '../model/failure.ts';
import { type Layer, scriptFile } from '../model/project.ts';
import { openBench, referenceTo, scriptSettings } from './disk.ts';
import type { Closed, Look, OfflineKind, Task } from './kind.ts';
import { HOST_SHELL, hostScript, lookScript, scriptOf, sourceOf } from './modify-disk.ts';

export const LEGACY_DISK: OfflineKind = {
  name: 'modify-disk',
  place: 'host',
  ownsDisk: true,
  settings: scriptSettings,
  createDisk: async ({ layer }, file) => {
    const able = checkFurther(layer);
    return able.ok ? createEmpty(file) : able;
  },
  open: openBench,
  run,
  look,
  shell: HOST_SHELL,
};

/** The failure for an older modify-disk when no device was given for it. */
export function needsDevice(layer: Layer): ReturnType<typeof fail> {
  return fail(
    'host',
    `the modify-disk of layer ${layer.name} attaches its disk itself, which requires a network block device`,
    {
      where: { file: path.join(layer.directory, layer.kind) },
      hint: 'pass one: vlb build --nbd /dev/nbd0; or let vlb create and attach the disk: add "# vlb: disk-size 20G" to the script',
    },
  );
}

/** A script of this kind knows one disk: the others of its parent stay as they are. */
function checkFurther(layer: Layer): Result<void> {
  const [disk] = layer.hints.disks;
  if (!disk) return ok();
  return fail('usage', `the disk ${disk.name} needs a modify-disk whose main disk vlb creates`, {
    where: { file: scriptFile(layer) },
    hint: 'add "# vlb: disk-size 20G" to the script',
  });
}

function createEmpty(file: string): Result<void> {
  try {
    writeFileSync(file, ''); // so that the user owns it, even when root writes it
    return ok();
  } catch (error) {
    return failAt(file, 'cannot create the disk', error);
  }
}

async function run(task: Task): Promise<Result<Closed>> {
  const { bench, draft } = task;
  if (!task.lendsDevices) return needsDevice(task.layer);
  const lent = await bench.lendDevice();
  if (!lent.ok) return lent;
  task.enter('run');
  const ran = await task.script((onOutput) =>
    bench.runOnHost({
      ...hostScript(task, scriptOf(task, lent.value), onOutput),
      lent: lent.value,
      makes: draft.path,
    }),
  );
  if (!ran.ok) return ran;
  const givenBack = await bench.detach(lent.value);
  if (!givenBack.ok) return givenBack;
  const adopted = await adoptDisk(task);
  const untouched = task.further.map(({ name }) => name);
  return adopted.ok ? ok({ script: ran, untouched }) : adopted;
}

/** On a finished disk, it is attached as any other. */
async function look(task: Task, options: Look): Promise<Result<number>> {
  const { bench, draft, layer } = task;
  if (options.isBefore && !task.lendsDevices) return needsDevice(layer);
  const disk = await (options.isBefore ? bench.lendDevice() : bench.attach(draft.path));
  if (!disk.ok) return disk;
  const script = lookScript(task, disk.value, options);
  return bench.runOnHost(options.isBefore ? { ...script, lent: disk.value } : script);
}

/** Takes over a disk that a script created: its reference to the backing file becomes a relative one. */
async function adoptDisk(task: Task): Promise<Result<void>> {
  const { layer, lineage, draft, images } = task;
  const where = { file: path.join(layer.directory, layer.kind) };
  if (!statSync(draft.path, { throwIfNoEntry: false })?.size) {
    return fail('work', `layer ${layer.name}: modify-disk succeeded but created no disk`, {
      where,
      hint: 'write the disk to its second argument, TARGET',
    });
  }
  chmodSync(draft.path, 0o644);
  const made = await images.info(draft.path);
  if (!made.ok) return made;
  const { format, backing, externalData } = made.value;
  if (format !== 'qcow2' || externalData || (backing !== undefined && backing !== sourceOf(task))) {
    return fail('work', `layer ${layer.name}: modify-disk created a disk that vlb cannot use`, {
      where,
      hint: 'make TARGET a qcow2 file with SOURCE as its backing file, or without a backing file',
      detail: [`its format is ${format}${backing === undefined ? '' : `, its backing file ${backing}`}`],
    });
  }
  if (backing === undefined || !lineage.parent) return ok();
  return images.setBacking(draft.path, referenceTo(nameOf(lineage.parent)));
}
