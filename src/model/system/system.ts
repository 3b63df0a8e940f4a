// What a first layer makes from nothing: a distribution, its packages, and the disk that it is on.

import type { Result, Where } from '../failure.ts';
import type { Setting } from '../recipe.ts';
import type { PlannedDisk } from './layout.ts';

/** `system:` of a layer.yaml. */
export interface System {
  /** As os-release(5) has it: `debian`. */
  readonly distribution: string;
  /** The release, by the name that the archive has for it: `bookworm`. */
  readonly suite: string;
  /** Further packages. */
  readonly packages: readonly string[];
  /** How much of the distribution is installed in addition to what is needed to boot. */
  readonly variant: 'minbase' | 'important' | 'standard';
  /** Whether packages that others recommend are installed too. */
  readonly recommends: boolean;
  readonly components: readonly string[];
  /** The archive, and that of security updates; undefined for the distribution's own, by this machine's mirror. */
  readonly mirror?: string;
  readonly securityMirror?: string;
  /** The keys of the archive, a file of the layer; undefined for those of this machine. */
  readonly keyring?: string;
  /** The package of the kernel; `none` for a system without kernel and boot loader. */
  readonly kernel?: string;
  /** Whether manuals and other documentation are left out. Licenses stay. */
  readonly excludeDocs: boolean;
  /** A directory of the layer whose files are in place before packages are installed. */
  readonly files?: string;
}

/** A system with its disk, complete: nothing that it depends on is left open, apart from files. */
export interface Installation {
  readonly system: System;
  readonly disk: PlannedDisk;
  /** All that it depends on, for the recipe. */
  readonly settings: readonly Setting[];
  /** The programs of the host that make it. */
  readonly tools: readonly string[];
  /** Directories that persist between builds. */
  readonly cacheDirs: readonly string[];
  /** Where a package of the list is in the file; the list itself for others. */
  placeOf(packageName: string): Where;
}

/** The system of a layer, as far as it is known without the values of params. */
export interface LayerSystem {
  /** Undefined before those are known. */
  readonly installation: Installation | undefined;
  /** With the values of all params of the layer. Fails as `usage`, with the place in the file. */
  resolve(params: Readonly<Record<string, string>>): Result<Installation>;
}
