// What a process inherits. It is read once, where vlb starts, and passed on: a server builds projects of several directories.

export interface Environment {
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Absolute path of the working directory, which paths are shown relative to. */
  readonly directory: string;
}
