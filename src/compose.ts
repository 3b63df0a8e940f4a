// The composition root: the only file that names implementations of the ports.

import { backendFor } from './compose/backend.ts';
import { bootId, ownerIsAlive, ownerName } from './host/process/owner.ts';
import { linuxHost } from './host/system/host.ts';
import type { Environment } from './model/environment.ts';
import type { Emit } from './model/event.ts';
import { ok, type Result } from './model/failure.ts';
import type { CacheLimits } from './model/ports/store-upkeep.ts';
import type { ProjectPaths } from './project/project.ts';
import { evictionNotes } from './report/text/cache.ts';
import { openInPlace } from './store/in-place/in-place.ts';
import { openLocalStore } from './store/local/local-store.ts';
import { takeLock } from './store/locks/lock.ts';
import type { Parts } from './workspace/parts.ts';
import { Workspace, type WorkspaceOptions } from './workspace/workspace.ts';

/**
 * Opens a workspace on this machine. Nothing is read yet.
 * @param name tells workspaces of one process apart, where there are several: letters and digits
 */
export function openWorkspace(
  options: WorkspaceOptions,
  environment = environmentHere(),
  name?: string,
): Workspace {
  return new Workspace(options, compose(environment, name));
}

/** Stops or continues the scripts that this process runs, see src/host/process/descendants.ts. */
export async function signalScripts(signal: 'STOP' | 'CONT'): Promise<void> {
  const { continueScripts, stopScripts } = await import('./host/process/descendants.ts');
  if (signal === 'STOP') stopScripts();
  else continueScripts();
}

/** The environment of this process. */
export function environmentHere(): Environment {
  return {
    variables: process.env,
    directory: process.cwd(),
    platform: { architecture: process.arch, os: 'linux' },
  };
}

function compose(environment: Environment, name: string | undefined): Parts {
  const owner = name === undefined ? ownerName() : `${ownerName()}-${name}`;
  return {
    environment,
    owner,
    isAlive: ownerIsAlive,
    lock: (file, onWait, signal) => takeLock({ file, owner, isAlive: ownerIsAlive, onWait, signal }),
    openStore: (paths, limits, emit) => openStore(owner, paths, limits, emit),
    shareStore: async (local, shared, options) => {
      // Most projects have no shared cache, and its code takes longer to load than any other here.
      const { shareStore } = await import('./compose/shared.ts');
      return shareStore(local, shared, environment.variables, options);
    },
    openInPlace: (paths, store) =>
      openInPlace({ ...paths, artifacts: store.artifactDirectory, drop: (names) => store.drop(names) }),
    host: (choice) => linuxHost(backendFor(choice, environment)),
    exporters: async ({ images }) => {
      const { exportersFor } = await import('./export/registry.ts');
      const { packer } = await import('./host/images/pack.ts');
      const { packings } = await import('./host/images/packings.ts');
      const { media } = await import('./host/media/media.ts');
      return exportersFor({ images, packer, packings, media });
    },
    publisher: async () => (await import('./host/publish/publisher.ts')).publisher,
    engine: async () => {
      const { openSlurm } = await import('./engine/slurm/slurm.ts');
      const { run } = await import('./host/process/run.ts');
      return openSlurm({ run });
    },
    deployer: async (directory) => (await import('./compose/deployer.ts')).deployer(directory, owner),
    gitState: async (directory) => (await import('./host/system/git.ts')).gitState(directory),
    runCommand: async (line, { directory, variables, signal }) => {
      const { run } = await import('./host/process/run.ts');
      const done = await run('sh', ['-c', line], { cwd: directory, env: variables, signal });
      return done.ok ? ok() : done;
    },
    openStoreUpkeep: async (paths, signal) => {
      const { openStoreUpkeep } = await import('./store/upkeep/store-upkeep.ts');
      const { removeTree } = await import('./host/process/remove-tree.ts');
      const directory = paths.store;
      return openStoreUpkeep({
        directory,
        owner,
        isAlive: ownerIsAlive,
        project: paths,
        removeTree,
        signal,
      });
    },
    openSharedCacheUpkeep: async (shared) =>
      (await import('./compose/shared.ts')).openUpkeep(shared, environment.variables),
    booter: async () => (await import('./host/boot/booter.ts')).qemuBooter,
    disks: async () => (await import('./compose/disks.ts')).openDisks(owner, environment),
    doctor: async () => (await import('./compose/doctor.ts')).openDoctor(owner, environment),
  };
}

function openStore(owner: string, paths: ProjectPaths, limits: CacheLimits, emit: Emit) {
  const note = (message: string) => emit({ type: 'note', message });
  return openLocalStore({
    directory: paths.store,
    owner,
    isAlive: ownerIsAlive,
    bootId,
    onDamage: note,
    project: paths,
    limits,
    onEvict: (evicted) => evictionNotes(evicted, limits).forEach(note),
  });
}

/** Runs a line of the user's in their shell, with the streams of this process. Returns its exit status. */
export async function runLine(
  line: string,
  output: 'stdout' | 'stderr',
  signal: AbortSignal,
): Promise<Result<number>> {
  return (await import('./host/process/run.ts')).runLine(line, output, signal);
}

/** A pair of keys with which trusted builds sign what they put into the shared cache. */
export async function generateKeys(): Promise<{ readonly publicKey: string; readonly privateKey: string }> {
  return (await import('./shared-cache/bucket/signatures.ts')).generateKeys();
}
