// What a process inherits. It is read once, where vlb starts, and passed on: a server builds projects of several directories.

import type { Platform } from './platform.ts';

export interface Environment {
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Absolute path of the working directory, which paths are shown relative to. */
  readonly directory: string;
  /** Of this machine: layers are built for it. */
  readonly platform: Platform;
}
