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
  /** The state of the archive that is installed, `20261101T000000Z`: of a mirror that has those by time. */
  readonly snapshot?: string;
  /** A file of the layer with the versions of all packages. */
  readonly lock?: string;
  /** Where packages come from, in addition to a mirror. */
  readonly repositories?: readonly Repository[];
  /** Of rpm: patterns of packages that are never installed. */
  readonly excludes?: readonly string[];
  /** Of rpm: streams of modules, `NAME:STREAM`. */
  readonly modules?: readonly string[];
  /** Of rpm: the languages whose files are installed; undefined for all. */
  readonly languages?: readonly string[];
  /** Of rpm: whether packages that do not exist are left out. */
  readonly ignoreMissing?: boolean;
}

/** A repository of packages. */
export interface Repository {
  readonly name: string;
  /** Its URL, or a directory of the layer that begins with `./`: a repository of rpm, or files of Debian packages. */
  readonly url?: string;
  /** Of Debian: by default that of the system. */
  readonly suites?: readonly string[];
  /** Of Debian: by default `main`. */
  readonly components?: readonly string[];
  /** A list of its mirrors, in place of a URL. */
  readonly from?: { readonly type: 'metalink' | 'mirrorlist'; readonly url: string };
  /** A file of the layer with its keys; undefined for packages whose signatures are not checked. */
  readonly key?: string;
  readonly cost?: number;
  readonly excludes?: readonly string[];
  /** Whether the image has it too. */
  readonly keep?: boolean;
}

/** A system with its disk, complete: nothing that it depends on is left open, apart from files. */
export interface Installation {
  readonly system: System;
  readonly disk: PlannedDisk;
  /** Disks beside that one, in the order of their names. */
  readonly further: readonly { readonly name: string; readonly disk: PlannedDisk }[];
  /** All that it depends on, for the recipe. */
  readonly settings: readonly Setting[];
  /** The programs of the host that make it. */
  readonly tools: readonly string[];
  /** Directories that persist between builds. */
  readonly cacheDirs: readonly string[];
  /** Where a package of the list is in the file; the list itself for others. */
  placeOf(packageName: string): Where;
  /** Where the file has the first volume of LVM or LUKS. */
  placeOfVolumes(): Where;
}

/** The system of a layer, as far as it is known without the values of params. */
export interface LayerSystem {
  /** What users should know of a file that says more than vlb does. */
  readonly notes?: readonly string[];
  /** Undefined before those are known. */
  readonly installation: Installation | undefined;
  /** With the values of all params of the layer. Fails as `usage`, with the place in the file. */
  resolve(params: Readonly<Record<string, string>>): Result<Installation>;
}
