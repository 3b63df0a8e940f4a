// What a process inherits. It is read once, where vlb starts, and passed on: a server builds projects of several directories.

import type { Platform } from './platform.ts';

export interface Environment {
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Absolute path of the working directory, which paths are shown relative to. */
  readonly directory: string;
  /** Of this machine: layers are built for it. */
  readonly platform: Platform;
}

declare const VLB_VERSION: string | undefined; // defined by the bundler

/** The version of this vlb; `development` where the source runs without a bundle. */
export const VERSION = typeof VLB_VERSION === 'undefined' ? 'development' : VLB_VERSION;
