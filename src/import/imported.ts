// What an import comes to: files of a project, and what its source says that they cannot.

/** One file to write. */
export interface ImportedFile {
  /** Relative to the project. */
  readonly path: string;
  /** Its text, or a file or directory of this machine to copy, as an absolute path. */
  readonly content: { readonly text: string; readonly isScript?: boolean } | { readonly copyOf: string };
}

/** Something that the user should know of a line or an option. */
export interface Note {
  /** `web.yml:12`, or the option. */
  readonly at: string;
  readonly text: string;
  /** It is not in the files that are written; otherwise, it means something else there, or has to be completed. */
  readonly isLost: boolean;
}

export interface Imported {
  readonly files: readonly ImportedFile[];
  readonly notes: readonly Note[];
}

/** What an import asks of this machine. Paths are absolute. */
export interface Source {
  /** The text of a file; undefined when it does not exist or cannot be read. */
  text(path: string): string | undefined;
  /** Undefined where there is nothing, or neither a file nor a directory. */
  status(path: string): SourceStatus | undefined;
  /** The user's public SSH key that ssh-copy-id(1) takes by default; undefined without one. */
  publicKey(): string | undefined;
  /** What templates can ask for: the time, a random number from 0 to 1, processors, and memory in bytes. */
  now(): Date;
  random(): number;
  processors(): number;
  memory(): { readonly free: number; readonly total: number };
}

export interface SourceStatus {
  readonly type: 'file' | 'directory';
  /** The permissions in octal, `0644`. */
  readonly mode: string;
  /** Numeric user and group, `0:0`. */
  readonly owner: string;
}
