// What a kind of layer is, and a kind of base. Everything that depends on the kind is asked here: nothing else compares it.

import type { BuildRecord } from '../model/artifact.ts';
import type { Environment } from '../model/environment.ts';
import type { Emit, LayerStepEvent, Stage } from '../model/event.ts';
import type { Failure, Result } from '../model/failure.ts';
import type { Lineage } from '../model/graph.ts';
import type { Manifest } from '../model/manifest.ts';
import type { Guest } from '../model/ports/guest.ts';
import type {
  Host,
  Images as HostImages,
  OnOutput,
  RunOwner,
  RunPlace,
  Workbench,
} from '../model/ports/machine.ts';
import type { CachePoints } from '../model/ports/points.ts';
import type { Draft, Store } from '../model/ports/store.ts';
import type { Layer, ScriptKind, Secret, TemplateSource } from '../model/project.ts';
import type { Setting } from '../model/recipe.ts';
import type { LoadHasher } from '../project/inputs/hash.ts';
import type { StatIndex } from '../project/inputs/stat-index.ts';

export type Kind = OfflineKind | BootedKind;

/** Works on the disk of an image that is not running. */
export interface OfflineKind extends KindOn<Workbench> {
  /** Where its script runs: in the mounted system of the image, or on this host. */
  readonly place: 'image' | 'host';
}

/** Boots the image, and runs its script there. */
export interface BootedKind extends KindOn<Guest> {
  readonly place: 'guest';
}

/** @typeParam Bench what its script runs on */
export interface KindOn<Bench extends RunPlace> {
  /** The name of its script, and of the kind in recipes. */
  readonly name: ScriptKind;
  /** Whether the script creates and attaches its disk itself, so that vlb neither creates nor compacts it. */
  readonly ownsDisk: boolean;
  /** What goes into the recipe in addition to the parent, the mounts and the inputs. */
  settings(layer: Layer): readonly Setting[];
  /** Creates the empty disk of a run. Fails as `usage` or `host`. */
  createDisk(run: Pick<Task, 'layer' | 'lineage'>, file: string, images: Images): Promise<Result<void>>;
  /**
   * Opens what a run uses on the machine.
   * @param directory an empty directory for the run's own files
   * @param owner see `openWorkbench` of a Host
   */
  open(host: Host, directory: string, owner: RunOwner | undefined): Promise<Result<Bench>>;
  /** Runs the script on the draft. Fails when the disk may not be closed or complete. */
  run(task: TaskOn<Bench>): Promise<Result<Closed>>;
  /** Runs a shell as the script would run; what it writes is discarded. Returns its exit status. */
  look(task: Task, look: Look): Promise<Result<number>>;
  readonly shell: ShellTexts;
}

/** Where images are, and what works on them. */
export interface Images extends Pick<Host, 'images'> {
  /** Absolute path of the directory that holds every artifact. */
  readonly artifactDirectory: string;
}

/** A run, or a look, at the disk of an image that is not running. */
export type Task = TaskOn<Workbench>;

/** One layer's run, as its kind works on it. */
export interface TaskOn<Bench extends RunPlace> extends Images {
  readonly layer: Layer;
  readonly lineage: Lineage;
  readonly bench: Bench;
  /** Whether the host can lend devices to scripts, see `Host.lendsDevices`. */
  readonly lendsDevices: boolean;
  readonly draft: Draft;
  /** The files of the further disks. */
  readonly further: readonly DiskFile[];
  readonly staged: Staged;
  readonly secrets: readonly Secret[];
  readonly caches: readonly Cache[];
  /** The run's own directory. */
  readonly directory: string;
  /** The states after the steps of layers; undefined where the layer neither uses nor leaves any. */
  readonly points: TaskPoints | undefined;
  /** The variables of the script. */
  readonly environment: Readonly<Record<string, string>>;
  /** Emits that the run enters a stage. */
  enter(stage: Stage): void;
  /** Emits that a step of a layer.yaml begins. */
  step(step: Pick<LayerStepEvent, 'index' | 'count' | 'title'>): void;
  /** Runs the script with `start`, under the layer's timeout. Fails as `work` when it fails or takes too long. */
  script(start: (onOutput: OnOutput) => Promise<Result<number>>): Promise<Result<void>>;
  /** Fails as `host` when the store is full. */
  checkSpace(): Result<void>;
  /** Notes something on the layer for the user. */
  note(message: string): void;
}

/** A disk of a run. */
export interface DiskFile {
  readonly name: string;
  readonly file: string;
}

export interface TaskPoints {
  readonly all: CachePoints;
  /** Whether the layer may begin at one of them; if not, it only leaves new ones. */
  readonly areUsed: boolean;
  readonly signal: AbortSignal;
}

/** The private copy of a layer's inputs. */
export interface Staged {
  /** What was copied: the key of the result is made from this. */
  readonly manifest: Manifest;
  /** The copy of the layer's own files. */
  readonly inputs: string;
  readonly binds: readonly {
    readonly source: string;
    readonly target: string;
    readonly type: 'file' | 'directory';
  }[];
}

/** A directory that persists between builds. */
export interface Cache {
  /** Absolute path on the host. Its content belongs to root. */
  readonly source: string;
  readonly target: string;
}

/** A run whose disk is closed and complete, whether or not the script failed. */
export interface Closed {
  readonly script: Result<void>;
  /** The further disks that it did not write to, by name. */
  readonly untouched?: readonly string[];
}

export interface Look {
  readonly argv: readonly [string, ...string[]];
  readonly streams: 'terminal' | 'own';
  /** Further variables of the shell. */
  readonly variables: Readonly<Record<string, string>>;
  /** Whether the disk is the one that the script starts from. */
  readonly isBefore: boolean;
  /** Called when the disk is ready, before the shell starts. */
  onReady(): void;
}

export interface ShellTexts {
  /** Ends the prompt, after the layer's name. */
  readonly prompt: string;
  /** Which disk the shell is in, and how to leave it. @param disk the layer's name and the state of its disk */
  greeting(disk: string): string;
  /** The command that runs the layer's script in the shell, if there is one. */
  readonly command?: string;
}

export interface BaseKind {
  /** The files of this machine that its image is read from. */
  readonly files: readonly string[];
  /** Whether its recipe is from a list, so that forcing it reads that again, and imports the image only if it is another. */
  readonly isListed: boolean;
  /** Where it is a template of, if it is one. */
  readonly source?: TemplateSource;
  /** The recipe of importing the image as it is now. Fails as `usage` when the image is missing or cannot be read. */
  recipe(inputs: BaseInputs): Promise<Result<string>>;
  /**
   * Imports the image, and commits it under the key of what was imported. Fails as `usage` when it is missing, truncated or
   * not a disk image, or when it does not have the digests of the recipe.
   */
  import(run: BaseRun): Promise<Result<BuildRecord>>;
}

/** What a base's recipe is made with. */
export interface BaseInputs {
  /** The base's name in the project. */
  readonly name: string;
  /** Absolute path of the project. */
  readonly directory: string;
  readonly index: StatIndex;
  readonly loadHasher: LoadHasher;
  /** Whether what was read from other machines is read again. */
  readonly refresh: boolean;
  readonly environment: Pick<Environment, 'variables'>;
  readonly verifySignature: Host['verifySignature'];
  readonly exportKey: Host['exportKey'];
  readonly read: HostImages['read'];
  readonly signal: AbortSignal;
}

/** One import of a base. */
export interface BaseRun {
  /** The base's name in the project. */
  readonly name: string;
  /** The recipe of the plan. */
  readonly recipe: string;
  readonly host: Host;
  readonly store: Store;
  readonly loadHasher: LoadHasher;
  readonly emit: Emit;
  readonly signal: AbortSignal;
  readonly environment: Environment;
  /** Opens a workbench for the time of `work`. What `work` does ends as `interrupted` on the signal. */
  withWorkbench<T>(work: (bench: Workbench) => Promise<Result<T>>): Promise<Result<T>>;
  /** The failure with its cause, where that is a full disk: called while the files still exist. */
  explain(failure: Failure): Failure;
}
