// One export of a machine: only when it is not fresh, and whole or not at all.

import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { VERSION } from '../../model/environment.ts';
import { fail, failAt, ok, type Result } from '../../model/failure.ts';
import type { Node } from '../../model/graph.ts';
import { type ExportOrder, optionsOf } from '../../model/machine/format.ts';
import type { Machine } from '../../model/machine/machine.ts';
import type {
  ExportDisk,
  ExportedTree,
  Exporter,
  ExportJob,
  ProposedDisk,
} from '../../model/ports/exporter.ts';
import type { Host } from '../../model/ports/machine.ts';
import { isFull } from '../run/space.ts';
import { noteFresh, type Staleness, staleness, type Target } from './fresh.ts';
import { exportKey } from './key.ts';
import type { BuiltFrom } from './lineage.ts';
import {
  describeFile,
  type ExportedDisk,
  type ExportedFile,
  type GitState,
  MANIFEST_FILE,
  manifestText,
  namesOf,
} from './manifest.ts';
import { checkTarget, closeWorkplace, openWorkplace, replaceExport, type Workplace } from './place.ts';
import type { SharedDisks } from './shared-disks.ts';

/** A disk of the machine, as it was built. */
export type DiskSource = {
  readonly name: string;
} & (
  | { readonly type: 'empty' /** Bytes. */; readonly size: number }
  | {
      readonly type: 'image';
      /** Whether it is a further disk of the system's image: its files are those of the system that mounts it. */
      readonly isFurther: boolean;
      /** Absolute path of the top of its chain. */
      readonly file: string;
      readonly digest: string;
      /** The layer that it is the disk of. */
      readonly node: Node | undefined;
      /** Of all files of its chain. */
      readonly bytes: number;
      readonly from: BuiltFrom;
    }
);

/** What is to be exported. */
export interface ExportTask {
  readonly machine: Machine;
  readonly disks: readonly [DiskSource, ...DiskSource[]];
  readonly order: ExportOrder;
  readonly exporter: Exporter;
  readonly target: Target;
  /** Whether other exports of the run want what this one shares. */
  readonly isShared: boolean;
}

export interface ExportRun {
  readonly host: Pick<Host, 'images' | 'isAlive' | 'bootId' | 'removeTree'>;
  readonly owner: string;
  readonly signal: AbortSignal;
  readonly shared: SharedDisks;
  /** What is on a disk. Fails as `host` when the disk cannot be read. */
  readonly systemOf: (disk: DiskSource) => Promise<Result<SystemFacts>>;
  readonly git: () => Promise<GitState | null>;
  readonly viewer: ExportJob['viewer'];
  /** Runs a command line of the project in a shell, in its directory. Fails as `host` with its last lines. */
  readonly command: (line: string, variables: Readonly<Record<string, string>>) => Promise<Result<void>>;
  readonly onProgress: (task: ExportTask, bytes: number, total: number) => void;
}

/** What is known of the system on a disk. */
export interface SystemFacts {
  /** The short id of the operating system. */
  readonly os: string;
  /** What it calls itself. */
  readonly title: string | undefined;
  /** See `OpenDisk.rootPartition`. */
  readonly partition: number | undefined;
}

/** Why a task has to be done; undefined when it is fresh. */
export function reasonFor(task: ExportTask, { host, signal }: ExportRun): Promise<Staleness | undefined> {
  return staleness(task.target, keyOf(task), host.bootId(), host.images, signal);
}

/**
 * Writes an export in the place of an earlier one, which stays as it was until the new one is complete. Returns its files.
 * Fails as `usage` when the format cannot hold the machine or a file of others has a name of the export, else as `host`.
 */
export async function writeExport(
  task: ExportTask,
  run: ExportRun,
): Promise<Result<readonly ExportedFile[]>> {
  const { directory } = task.target;
  let place: Workplace | undefined;
  try {
    const free = checkTarget(directory, [MANIFEST_FILE]);
    if (!free.ok) return free;
    place = await openWorkplace(directory, run.owner, run.host.isAlive, run.host.removeTree);
    const written = await writeFiles(task, place, run);
    if (written.ok || !isFull(path.dirname(directory))) return written;
    return noSpace(directory, written.failure.message);
  } catch (error) {
    if (run.signal.aborted) return INTERRUPTED;
    return isFull(path.dirname(directory))
      ? noSpace(directory, String(error))
      : failAt(directory, 'cannot write the export', error);
  } finally {
    if (place) await closeWorkplace(place, run.host.removeTree);
  }
}

const INTERRUPTED = fail('interrupted', 'the export was interrupted');

function noSpace(directory: string, message: string): Result<never> {
  return fail('host', `no space left on the disk; ${message}`, {
    where: { file: directory },
    hint: 'make room there, or write elsewhere: --output DIR',
  });
}

async function writeFiles(
  task: ExportTask,
  { fresh, scratch, ...place }: Workplace,
  run: ExportRun,
): Promise<Result<readonly ExportedFile[]>> {
  const { order, exporter, target } = task;
  const disks = await openDisks(task, scratch, run);
  if (!disks.ok) return disks;
  const described = await withSystem(task, run);
  if (!described.ok) return described;
  const machine = described.value;
  const job = { machine, disks: disks.value, options: optionsOf(order) };
  const [system, ...others] = disks.value;
  const proposal = { ...job, disks: [proposed(system), ...others.map(proposed)] as const };
  const refused = exporter.refusal?.(proposal);
  if (refused) return { ok: false, failure: { ...(order.where ? { where: order.where } : {}), ...refused } };
  const total = disks.value.reduce((sum, { bytes }) => sum + bytes, 0);
  const onProgress = (part: number) => run.onProgress(task, Math.round(part * total), total);
  const { signal, shared } = run;
  const convert: ExportJob['convert'] = (disk, file, to) =>
    shared.convert(path.dirname(target.directory), disk, file, signal, to);
  const trees: ExportedTree[] = [];
  const git = run.git(); // at the same time
  const written = await exporter.write({
    ...job,
    directory: fresh,
    scratch,
    viewer: run.viewer,
    signal,
    convert,
    share: (name, file, make) =>
      task.isShared ? shared.share(path.dirname(target.directory), name, file, make) : make(),
    onProgress,
    onTree: (one) => trees.push(one),
  });
  if (run.signal.aborted) return INTERRUPTED;
  if (!written.ok) return written;
  const [tree] = trees;
  const files: ExportedFile[] = [];
  for (const name of filesBelow(fresh, tree?.name)) {
    files.push(await describeFile(fresh, name, shared, signal));
  }
  const key = keyOf(task);
  const manifest = {
    machine: machine.name,
    format: order.format,
    key,
    vlb: VERSION,
    git: await git,
    files,
    ...(tree ? { tree } : {}),
    disks: disks.value.map(({ name, size }, index) => ({
      name,
      size,
      layers: layersOf(task.disks[index]),
    })),
  };
  writeFileSync(path.join(fresh, MANIFEST_FILE), manifestText(manifest));
  const names = namesOf(manifest);
  const free = checkTarget(target.directory, names);
  if (!free.ok) return free;
  await replaceExport({ fresh, scratch, ...place }, target.directory, run.host.removeTree);
  noteFresh(target, names, key, run.host.bootId(), order.after === undefined);
  return ok(files);
}

function proposed({ name, size, system }: ExportDisk): ProposedDisk {
  return { name, size, isEmpty: system === undefined };
}

/** The machine, with the operating system in its image where the format describes that and vlb.yaml does not say it. */
async function withSystem(
  { machine, disks: [system], exporter }: ExportTask,
  { systemOf }: ExportRun,
): Promise<Result<Machine>> {
  if (!exporter.describesMachine || machine.os !== undefined) return ok(machine);
  const found = await systemOf(system);
  return found.ok ? ok({ ...machine, os: found.value.os }) : found;
}

function layersOf(disk: DiskSource | undefined): ExportedDisk['layers'] {
  return disk?.type === 'image' ? disk.from.layers : [];
}

/** The files in a directory and below, sorted. @param but a directory in it whose files do not count */
function filesBelow(directory: string, but?: string): readonly string[] {
  const below = (place: string): readonly string[] =>
    readdirSync(path.join(directory, place), { withFileTypes: true }).flatMap((entry) => {
      const name = path.join(place, entry.name);
      if (entry.isDirectory()) return name === but ? [] : below(name);
      return entry.isFile() ? [name] : [];
    });
  return below('').toSorted();
}

/** The disks as files that can be read: empty ones are created. */
async function openDisks(
  { disks: [system, ...others] }: ExportTask,
  scratch: string,
  { host }: ExportRun,
): Promise<Result<readonly [ExportDisk, ...ExportDisk[]]>> {
  const main = await openDisk(system, scratch, host);
  if (!main.ok) return main;
  const opened: ExportDisk[] = [];
  for (const disk of others) {
    const one = await openDisk(disk, scratch, host);
    if (!one.ok) return one;
    opened.push(one.value);
  }
  return ok([main.value, ...opened]);
}

async function openDisk(
  disk: DiskSource,
  scratch: string,
  { images }: ExportRun['host'],
): Promise<Result<ExportDisk>> {
  const { name } = disk;
  if (disk.type === 'image') {
    const info = await images.info(disk.file, 'qcow2');
    if (!info.ok) return info;
    const { virtualSize: size } = info.value;
    const { system } = disk.from;
    const about = { name, source: disk.file, content: disk.digest, size, bytes: disk.bytes };
    return ok({ ...about, ...(disk.isFurther ? {} : { system }) });
  }
  mkdirSync(path.join(scratch, 'empty'), { recursive: true });
  const source = path.join(scratch, 'empty', `${name}.qcow2`);
  const created = await images.create(source, { size: disk.size });
  return created.ok ? ok({ name, source, content: 'empty', size: disk.size, bytes: 0 }) : created;
}

function keyOf({ machine, disks, order, exporter }: ExportTask): string {
  const contents = disks.map((disk) => ({
    name: disk.name,
    content: disk.type === 'image' ? disk.digest : `empty ${disk.size}`,
  }));
  return exportKey(order.format, exporter, machine, contents, optionsOf(order));
}
