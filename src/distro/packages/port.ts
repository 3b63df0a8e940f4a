// What a package manager does for the steps on packages. One file each implements this.

import type { Result } from '../../model/failure.ts';

/**
 * The directory of the image in which package managers keep lists and downloads between builds. It is one of vlb's, and not the
 * manager's own, since which manager an image has is known only when it is built; and so an image's own settings, such as those
 * of container images that remove all downloads, do not apply to it.
 */
export const KEPT = '/var/cache/vlb';

/** The comment above commands that use the directory. */
export const KEPT_COMMENT =
  '# Lists and downloads are kept between builds, in a directory that is not part of the image.';

/** What to install. */
export type Wanted =
  /** A package of a repository; of this version, as the distribution writes it. */
  | { readonly name: string; readonly version?: string }
  /** A file of the layer, as a path that begins with `./`. */
  | { readonly file: string };

export interface Repository {
  /** A name for files: letters, digits, dots, dashes. */
  readonly name: string;
  readonly url: string;
  /** Debian's suites; empty for other distributions. */
  readonly suites: readonly string[];
  /** Debian's components; empty for other distributions. */
  readonly components: readonly string[];
  /** The name that the key's file has where it comes from. */
  readonly keyName: string;
  /** Of its key, where it is a file of the layer: upper-case hexadecimal. */
  readonly fingerprint: string | undefined;
  /** Whether the key is text, in ASCII armor. */
  readonly isKeyArmored: boolean;
  /** The commands that write the key to a path of the image, a word of the shell. */
  putKey(path: string): string;
}

/** Each function returns lines of shell, or fails as `usage` where the manager cannot do it. */
export interface PackageManager {
  readonly name: string;
  install(wanted: readonly Wanted[], recommends: boolean): Result<string>;
  uninstall(names: readonly string[]): Result<string>;
  /** Brings these packages up to date; all of them for an empty list. */
  update(names: readonly string[]): Result<string>;
  addRepository(repository: Repository): Result<string>;
}

/** The words for a command line: packages with this character between name and version, and files. */
export function wantedWords(wanted: readonly Wanted[], between: string): string[] {
  return wanted.map((one) => {
    if ('file' in one) return one.file;
    return one.version === undefined ? one.name : `${one.name}${between}${one.version}`;
  });
}
