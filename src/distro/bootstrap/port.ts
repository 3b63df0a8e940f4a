// How a distribution gets onto an empty disk. One file each implements this.

import type { Result } from '../../model/failure.ts';
import type { PlannedDisk } from '../../model/system/layout.ts';
import type { System } from '../../model/system/system.ts';

/** What is installed, and for which machine. */
export interface Installing {
  readonly system: System;
  readonly disk: PlannedDisk;
  /** The disks beside that one. */
  readonly further: readonly PlannedDisk[];
  /** As Node names it: `x64`. */
  readonly architecture: string;
  /** The text of the image's fstab(5). */
  readonly fstab: string;
  /** That of its crypttab(5), empty without LUKS. @param bootOptions of what has the root */
  crypttab(bootOptions: readonly string[]): string;
}

export interface Bootstrap {
  /** The programs of the host that it runs. */
  programs(installing: Pick<Installing, 'disk'>): readonly string[];
  /**
   * The shell that installs the distribution at `"$root"`, where all file systems of the disk are mounted, on the host: with the layer's files
   * as working directory, the disk in `"$device"`, a directory for downloads that is kept in `"$kept"`, and `"$TMPDIR"`.
   */
  install(installing: Installing): string;
  /** The shell that prints the names of all packages, one a line, after an installation that failed. It has `"$kept"` and `"$TMPDIR"` as before. */
  names(installing: Installing): string;
  /** The package that does not exist, by a line of output of an installation that failed; undefined for other lines. */
  missing(line: string): string | undefined;
  /** The shell that completes it, in a chroot of the installed system that has the disk. */
  finish(installing: Installing): string;
}

/** A release of a distribution, as far as it is known. */
export interface Release {
  readonly suite: string;
  readonly version: string;
}

/** What is known of a distribution before it is installed. */
export interface Source {
  /** `ID` of its os-release(5). */
  readonly id: string;
  readonly bootstrap: Bootstrap;
  /** The newest last. Others may exist, where a mirror has them. */
  readonly releases: readonly Release[];
  /** The form of releases that are not in the list; undefined where those need a mirror. */
  readonly otherReleases?: RegExp;
  readonly components: readonly string[];
  /** The fields of a system that it has no use for, as a layer.yaml names them. */
  readonly without: readonly string[];
  /** The name of a package, as its list may have it. */
  readonly packageName: RegExp;
  /** Why fields of a complete system do not go together, with the field; undefined if they do. */
  fault?(
    system: System,
  ): { readonly field: string; readonly message: string; readonly hint: string } | undefined;
  /** Fails as `host` for an architecture that it does not have. */
  check(architecture: string): Result<void>;
}

/** The fields of a system that only rpm has. */
export const RPM_FIELDS: readonly string[] = ['exclude', 'modules', 'languages', 'ignore-missing'];
