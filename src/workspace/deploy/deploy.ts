// A deployment: the target is looked at, the layers of the machine are built, then it is put there.

import { createHash } from 'node:crypto';
import path from 'node:path';
import { taskOf, type Wish } from '../../execute/export/task.ts';
import type { Finished } from '../../model/event.ts';
import { fail, failAt, ok, type Result } from '../../model/failure.ts';
import type { DeployEnd, DeployListener, Deployment, DeploySource } from '../../model/ports/deployer.ts';
import { ownerText } from '../../util/owner-text.ts';
import { exportOne, NOTHING_BUILT, type Ready, readyFor } from '../export.ts';
import { outputOf, runOf } from '../export-plan.ts';
import type { Workspace } from '../workspace.ts';
import { type DeployRequest, type Prepared, prepare } from './prepare.ts';

/** Deploys. Fails only when nothing was begun; afterwards the events, and what is returned, say what failed. */
export async function deploy(workspace: Workspace, request: DeployRequest): Promise<Result<Finished>> {
  const prepared = await prepare(workspace, request);
  if (!prepared.ok) return prepared;
  const { project, wish, deployment } = prepared.value;
  if (deployment.needs === 'nothing') {
    request.onStart?.();
    return ok(finish(await deployOne(workspace, prepared.value, undefined, request), NOTHING_BUILT, request));
  }
  const ready = await readyFor(workspace, project, [wish], request);
  if (!ready.ok) return ready;
  using lease = ready.value;
  const built = lease.finished ?? NOTHING_BUILT;
  if (!built.ok) {
    request.emit(built);
    return ok(built);
  }
  return ok(finish(await deployOne(workspace, prepared.value, lease, request), built, request));
}

function finish({ failure }: DeployEnd, built: Finished, { emit }: DeployRequest): Finished {
  const { image: _image, bytes: _bytes, images: _images, ...counts } = built;
  const finished: Finished = {
    ...counts,
    ok: failure === undefined,
    seconds: performance.now() / 1000,
    ...(failure ? { failure } : {}),
  };
  emit(finished);
  return finished;
}

/** @param ready undefined for a deployment that needs nothing built */
async function deployOne(
  workspace: Workspace,
  { deployment, wish }: Prepared,
  ready: Ready | undefined,
  request: DeployRequest,
): Promise<DeployEnd> {
  const { parts, paths } = workspace;
  const { emit, signal } = request;
  const about = { machine: wish.planned.machine.name, target: request.to };
  const startedAt = performance.now();
  const ended = (end: DeployEnd): DeployEnd => {
    emit({ type: 'deploy-finished', ...about, ...end, seconds: (performance.now() - startedAt) / 1000 });
    return end;
  };
  emit({ type: 'deploy-started', ...about });
  const name = createHash('sha256').update(`${about.machine}\0${about.target}`).digest('hex').slice(0, 32);
  const lockFile = path.join(paths.state, 'deploys', `${name}.lock`);
  const onWait = (owner: string) => {
    const message = `waiting for ${ownerText(owner, parts.owner)}, which deploys ${about.machine} to ${about.target}`;
    emit({ type: 'note', message });
  };
  let lock: Disposable | undefined;
  try {
    lock = await parts.lock(lockFile, onWait, signal);
  } catch (error) {
    return ended({
      outcome: 'failed',
      failure: failAt(lockFile, 'cannot lock the deployment', error).failure,
    });
  }
  if (!lock) {
    const { failure } = fail('interrupted', 'interrupted while waiting for another deployment');
    return ended({ outcome: 'failed', failure });
  }
  using _held = lock;
  const source = ready ? await sourceOf(workspace, wish, ready, deployment.needs, request) : ok(NO_SOURCE);
  if (!source.ok) return ended({ outcome: 'failed', failure: source.failure });
  return ended(await deployment.run(source.value, listenerOf(about, request), signal));
}

/** For a deployment that needs nothing. */
const NO_SOURCE: DeploySource = { file: '', size: 0, bytes: 0, content: '' };

/** The system disk as it was built, and the export where the target needs that. */
async function sourceOf(
  workspace: Workspace,
  wish: Wish,
  ready: Ready,
  needs: Deployment['needs'],
  request: DeployRequest,
): Promise<Result<DeploySource>> {
  const { host } = ready.context;
  const task = taskOf(wish, ready, await workspace.parts.exporters(host), outputOf(workspace, {}));
  const [system] = task.disks;
  if (system.type !== 'image') throw new Error('the system disk of a machine has no image');
  const info = await host.images.info(system.file, 'qcow2');
  if (!info.ok) return info;
  const disk = {
    file: system.file,
    size: info.value.virtualSize,
    bytes: system.bytes,
    content: system.digest,
  };
  if (needs !== 'libvirt') return ok(disk);
  await using run = runOf(workspace, request, host);
  const exported = await exportOne(task, workspace, run, { ...request, force: false });
  return exported.ok ? ok({ ...disk, directory: task.target.directory }) : exported;
}

function listenerOf(
  about: { readonly machine: string; readonly target: string },
  { emit }: DeployRequest,
): DeployListener {
  let shownAt = 0;
  return {
    stage: (stage) => emit({ type: 'deploy-stage', ...about, stage }),
    progress: (bytes, total) => {
      if (performance.now() - shownAt < PROGRESS_MILLISECONDS && bytes < total) return;
      shownAt = performance.now();
      emit({ type: 'deploy-progress', ...about, bytes, total });
    },
    note: (message) => emit({ type: 'note', message }),
  };
}

/** The least time between two events about the progress of a deployment. */
const PROGRESS_MILLISECONDS = 500;
