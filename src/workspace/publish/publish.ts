// vlb publish: a machine is exported, then added to a virt-builder repository or pushed to a registry.

import { readFileSync } from 'node:fs';
import path from 'node:path';
import type { ExportRun, ExportTask } from '../../execute/export/export-machine.ts';
import { MANIFEST_FILE, parseManifest } from '../../execute/export/manifest.ts';
import { type Destination, parseDestination } from '../../execute/publish/destination.ts';
import { addTemplate, openRepository } from '../../execute/publish/repository.ts';
import type { Finished, PublishedImage } from '../../model/event.ts';
import { type Failure, fail, failAt, ok, type Result } from '../../model/failure.ts';
import type { FormatName } from '../../model/machine/format.ts';
import { makeDirectories } from '../../util/fs.ts';
import { isObject, parseObject } from '../../util/json.ts';
import { ownerText } from '../../util/owner-text.ts';
import { exportMachines } from '../export.ts';
import { type ExportRequest, wishesOf } from '../export-plan.ts';
import type { Workspace } from '../workspace.ts';
import { templateOf } from './template.ts';

export interface PublishRequest
  extends Omit<ExportRequest, 'names' | 'formats' | 'output' | 'force' | 'keepGoing'> {
  /** A machine, an image or a layer. */
  readonly name: string;
  /** The directory of a virt-builder repository, or an image in a registry. */
  readonly to: string;
  /** The form in a repository: raw.xz by default. */
  readonly format?: 'raw.xz' | 'raw' | undefined;
  /** The key of gpg that the index of the repository is signed with. */
  readonly sign?: string | undefined;
  /** How many revisions stay in a repository; undefined for all. */
  readonly keep?: number | undefined;
}

/** Publishes. Fails only when nothing was begun; afterwards the events, and what is returned, say what failed. */
export async function publish(workspace: Workspace, request: PublishRequest): Promise<Result<Finished>> {
  const { name, to } = request;
  const destination = parseDestination(to, workspace.parts.environment.directory);
  if (!destination.ok) return destination;
  const checked = await checkRequest(workspace, destination.value, request);
  if (!checked.ok) return checked;
  const format = formatFor(destination.value, request);
  const exported = { ...request, names: [name], formats: [format], force: false, keepGoing: false };
  return exportMachines(workspace, exported, async ([task], run) => {
    if (!task) throw new Error(`nothing was exported of ${name}`);
    const { emit } = request;
    const startedAt = performance.now();
    const about = { machine: task.machine.name, to };
    emit({ type: 'publish-started', ...about });
    const done = await publishTo(destination.value, task, run, workspace, request);
    emit({
      type: 'publish-finished',
      ...about,
      outcome: done.ok ? (done.value.isNew ? 'written' : 'fresh') : 'failed',
      seconds: (performance.now() - startedAt) / 1000,
      ...(done.ok ? done.value.published : { failure: done.failure }),
    });
    return done.ok ? ok({ published: { ...about, ...done.value.published } }) : done;
  });
}

/** What can be known before anything is built: tools, keys, and whether the repository is one. */
async function checkRequest(
  workspace: Workspace,
  destination: Destination,
  request: PublishRequest,
): Promise<Result<void>> {
  const { format, sign, keep, signal } = request;
  const { parts } = workspace;
  const publisher = await parts.publisher();
  if (destination.type === 'registry') {
    const option = Object.entries({ '--format': format, '--sign': sign, '--keep': keep }).find(
      ([, value]) => value !== undefined,
    );
    if (option) {
      return fail('usage', `${option[0]} is for repositories, and --to is an image in a registry`, {
        hint: 'for a directory, write ./ before its name',
      });
    }
    return publisher.checkPush();
  }
  const single = await checkDisks(workspace, request);
  if (!single.ok) return single;
  const key = sign === undefined ? ok() : await publisher.checkKey(sign);
  if (!key.ok) return key;
  const repository = await openRepository(destination.directory, sign, { publisher, signal });
  return repository.ok ? ok() : repository;
}

/** A template has one disk. */
async function checkDisks(workspace: Workspace, { name, params }: PublishRequest): Promise<Result<void>> {
  const project = await workspace.load();
  if (!project.ok) return project;
  const wishes = wishesOf({ names: [name], formats: ['raw'], params }, project.value);
  if (!wishes.ok) return wishes;
  for (const { planned, further } of wishes.value) {
    const { name: machine, disks } = planned.machine;
    const count = disks.length + further.length;
    if (count === 1) continue;
    return fail('usage', `a template has one disk, and ${machine} has ${count}`, {
      hint: 'publish the image of its system disk',
    });
  }
  return ok();
}

function formatFor({ type }: Destination, { format = 'raw.xz' }: PublishRequest): FormatName {
  return type === 'registry' ? 'oci' : format;
}

interface Done {
  readonly isNew: boolean;
  readonly published: Pick<PublishedImage, 'revision' | 'digest'>;
}

async function publishTo(
  destination: Destination,
  task: ExportTask,
  run: ExportRun,
  workspace: Workspace,
  request: PublishRequest,
): Promise<Result<Done>> {
  const publisher = await workspace.parts.publisher();
  if (destination.type === 'directory') {
    return publishTemplate(destination.directory, task, run, workspace, request);
  }
  const { directory } = task.target;
  const tag = destination.hasTag ? ok('') : tagOf(directory);
  if (!tag.ok) return tag;
  const pushed = await publisher.push(directory, `${destination.image}${tag.value}`, request.signal);
  return pushed.ok ? ok({ isNew: true, published: { digest: pushed.value } }) : pushed;
}

/** The tag of the image in a layout, `:1.0`. */
function tagOf(layout: string): Result<string> {
  const file = path.join(layout, 'index.json');
  try {
    const manifests = parseObject(readFileSync(file, 'utf8'))?.['manifests'];
    const image: unknown = Array.isArray(manifests) ? manifests[0] : undefined;
    const annotations = isObject(image) ? image['annotations'] : undefined;
    const tag = isObject(annotations) ? annotations['org.opencontainers.image.ref.name'] : undefined;
    return ok(`:${typeof tag === 'string' ? tag : 'latest'}`);
  } catch (error) {
    return failAt(file, 'cannot read the layout', error);
  }
}

async function publishTemplate(
  directory: string,
  task: ExportTask,
  run: ExportRun,
  { parts }: Workspace,
  { sign, keep, emit, signal }: PublishRequest,
): Promise<Result<Done>> {
  const manifest = parseManifest(readFileSync(path.join(task.target.directory, MANIFEST_FILE), 'utf8'));
  const [exported, ...others] = manifest?.files ?? [];
  const [disk] = manifest?.disks ?? [];
  if (!manifest || !exported || !disk || others.length > 0) throw new Error('the export has one disk');
  const template = await templateOf(task, disk.size, run);
  if (!template.ok) return template;
  const publisher = await parts.publisher();
  const onWait = (owner: string) =>
    emit({ type: 'note', message: `waiting for ${ownerText(owner, parts.owner)}, which publishes there` });
  const tools = { images: run.host.images, publisher, signal };
  try {
    makeDirectories(directory);
    using lock = await parts.lock(path.join(directory, '.vlb-lock'), onWait, signal);
    if (!lock) return interrupted();
    const repository = await openRepository(directory, sign, tools);
    if (!repository.ok) return repository;
    const source = path.join(task.target.directory, exported.name);
    const isPacked = task.order.format === 'raw.xz';
    const publication = { template: template.value, source, exported, manifest, isPacked, keep };
    const added = await addTemplate(repository.value, publication, tools);
    if (!added.ok) return added;
    const { revision, isNew, removed } = added.value;
    if (removed.length > 0) emit({ type: 'note', message: `removed ${removed.join(', ')}` });
    return ok({ isNew, published: { revision } });
  } catch (error) {
    return failAt(directory, 'cannot write the repository', error);
  }
}

function interrupted(): { readonly ok: false; readonly failure: Failure } {
  return fail('interrupted', 'interrupted while waiting for another vlb publish');
}
