// What a process inherits. It is read once, where vlb starts, and passed on: a server builds projects of several directories.

import { constants } from 'node:os';
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

/**
 * Whether a signal was ignored when vlb was started, by nohup(1) or `trap ''` in a shell, and is to stay so. Node resets it, so bin/vlb
 * passes on field 33 of proc_pid_stat(5).
 */
export function ignoresSignal(name: NodeJS.Signals, variables: Environment['variables']): boolean {
  const mask = Number(variables['VLB_IGNORED_SIGNALS']) || 0;
  return ((mask >>> (constants.signals[name] - 1)) & 1) === 1;
}

/**
 * Whether one was ignored that a terminal sends to all processes of a job. Children do not inherit that from node: a session of their own
 * keeps them from it.
 */
export function ignoresTerminal(variables: Environment['variables']): boolean {
  return (['SIGHUP', 'SIGINT', 'SIGQUIT', 'SIGTSTP'] as const).some((name) => ignoresSignal(name, variables));
}
