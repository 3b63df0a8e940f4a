// What a workspace is composed of: the implementations behind the ports, and the process it runs in.

import type { GitState } from '../execute/export/manifest.ts';
import type { Engine, EngineName } from '../model/engine/engine.ts';
import type { Environment } from '../model/environment.ts';
import type { Emit } from '../model/event.ts';
import type { Result } from '../model/failure.ts';
import type { ImageBooter } from '../model/ports/booter.ts';
import type { Finding } from '../model/ports/checkup.ts';
import type { Deployer } from '../model/ports/deployer.ts';
import type { Exporters } from '../model/ports/exporter.ts';
import type { BackendChoice, Host, Workbench } from '../model/ports/machine.ts';
import type { Publisher } from '../model/ports/publisher.ts';
import type { SharedCacheConfig } from '../model/ports/shared-cache.ts';
import type { SharedCacheUpkeep } from '../model/ports/shared-upkeep.ts';
import type { InPlace, Store } from '../model/ports/store.ts';
import type { CacheLimits, StoreUpkeep } from '../model/ports/store-upkeep.ts';
import type { DiskImage, DiskViewer } from '../model/ports/viewer.ts';
import type { ProjectPaths } from '../project/project.ts';
import type { Access, Watchers } from './request.ts';

export interface Parts {
  readonly environment: Environment;
  /** The name of the workspace's owner, see src/host/process/owner.ts: what it locks and leases carries it. */
  readonly owner: string;
  isAlive(owner: string): boolean;
  /**
   * Takes the lock at a path, waiting for its owner; undefined when the signal came first. Throws node's fs errors.
   * @param onWait called once, with the name of the owner that is waited for
   */
  lock(file: string, onWait: (owner: string) => void, signal: AbortSignal): Promise<Disposable | undefined>;
  /** Opens the local store, which need not exist yet. Fails as `host`. */
  openStore(paths: ProjectPaths, limits: CacheLimits, emit: Emit): Result<Store>;
  /** The store with a shared cache behind it. Nothing is requested from that yet. Fails as `usage`. */
  shareStore(
    local: Store,
    shared: SharedCacheConfig,
    options: Pick<Access, 'remote' | 'flushFetched'> & Watchers,
  ): Promise<Result<Store>>;
  openInPlace(paths: ProjectPaths, store: Pick<Store, 'artifactDirectory' | 'drop'>): InPlace;
  host(choice: BackendChoice): Host;
  /** The formats that machines can be exported to. */
  exporters(host: Pick<Host, 'images'>): Promise<Exporters>;
  publisher(): Promise<Publisher>;
  engine(name: EngineName): Promise<Engine>;
  /** Puts machines where they run. @param directory of the project, in which commands of the user run */
  deployer(directory: string): Promise<Deployer>;
  /** The commit that a directory is at; null outside a git repository. */
  gitState(directory: string): Promise<GitState | null>;
  /** Runs a command line in a shell. Fails as `host` with its exit status and its last lines. */
  runCommand(
    line: string,
    options: {
      readonly directory: string;
      /** Added to the environment of this process. */
      readonly variables: Readonly<Record<string, string>>;
      readonly signal: AbortSignal;
    },
  ): Promise<Result<void>>;
  openStoreUpkeep(paths: ProjectPaths, signal: AbortSignal): Promise<StoreUpkeep>;
  openSharedCacheUpkeep(shared: SharedCacheConfig): Promise<Result<SharedCacheUpkeep>>;
  booter(): Promise<ImageBooter>;
  disks(): Promise<Disks>;
  doctor(): Promise<Doctor>;
}

/** Image files, read without building anything. */
export interface Disks {
  /** The directory that holds every artifact of a store. */
  artifactDirectory(paths: ProjectPaths): string;
  /** Opens a viewer. Fails as `host` when disks cannot be attached here. */
  openViewer(paths: ProjectPaths, choice: BackendChoice, signal: AbortSignal): Promise<Result<DiskViewer>>;
  /**
   * Opens a workbench with a directory of its own, which is removed with it. Fails as `host` when disks cannot be attached
   * here.
   */
  openBench(paths: ProjectPaths, host: Host): Promise<Result<{ bench: Workbench; directory: string }>>;
  /** An image file, checked: fails as `usage` when it is not one, as `host` when it cannot be read. */
  openImage(file: string, purpose: 'compared' | 'opened', signal: AbortSignal): Promise<Result<DiskImage>>;
  /** Whether an image can be changed: fails as `host` when it cannot be written, or is attached to a loop device. */
  checkWritable(image: DiskImage): Promise<Result<void>>;
  /** The image and its backing files, the image first. */
  chain(image: DiskImage): Promise<Result<readonly DiskImage[]>>;
}

/** What `vlb doctor` checks and removes. */
export interface Doctor {
  /** Checks the machine. Changes nothing. */
  checkMachine(): Promise<readonly Finding[]>;
  /** Checks what a project's store and state take and hold. */
  checkProject(paths: ProjectPaths): readonly Finding[];
  /** Removes leftovers of dead processes. Returns what was removed. Fails as `host`. */
  clean(paths: ProjectPaths): Promise<Result<readonly string[]>>;
}
