// Failures as values: every expected failure is one of these; `throw` is for bugs only.

import { systemError } from '../util/errors.ts';

/** Which exit status a failure leads to: see EXIT in src/cli/exit-status.ts. */
export type FailureKind =
  /** A layer's script or a boot check failed. */
  | 'work'
  /** The command line or the project is wrong. */
  | 'usage'
  /** This host cannot do it: a missing tool, device, permission or space. */
  | 'host'
  /** The user pressed ^C, or the process received a signal to end. */
  | 'interrupted';

export interface Failure {
  readonly kind: FailureKind;
  /** What is wrong with which value, one sentence, without a full stop. */
  readonly message: string;
  /** Where: a file, and a line and a column in it (from 1) where there are some. */
  readonly where?: Where;
  /** What to do about it, beginning with a verb. */
  readonly hint?: string;
  /** Lines to show under the message: a tool's or a script's last output. */
  readonly detail?: readonly string[];
  /** Path of the complete log, when there is one. */
  readonly log?: string;
  /** The command that opens a shell in the saved disk of a layer that failed, when there is one. */
  readonly look?: string;
  /** The exit status of the script or command that failed, when that is what happened. */
  readonly exitStatus?: number;
}

export interface Where {
  readonly file: string;
  readonly line?: number;
  readonly column?: number;
}

export type Result<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly failure: Failure };

/** The good case. */
export function ok(): Result<void>;
export function ok<T>(value: T): Result<T>;
export function ok<T>(value?: T): Result<T | undefined> {
  return { ok: true, value };
}

/** The bad case: `fail('usage', 'no layer named "x"', { hint: '…' })`. */
export function fail(
  kind: FailureKind,
  message: string,
  more: Omit<Failure, 'kind' | 'message'> = {},
): { readonly ok: false; readonly failure: Failure } {
  return { ok: false, failure: { kind, message, ...more } };
}

/** The bad case of a system call on a file, as `host`: `cannot write the log: EACCES: permission denied, …`. */
export function failAt(file: string, what: string, error: unknown, hint?: string): ReturnType<typeof fail> {
  const { message } = systemError(error);
  return fail('host', `${what}: ${message}`, { where: { file }, ...(hint === undefined ? {} : { hint }) });
}

/** The end of an exhaustive switch. Fails to compile when a case was forgotten, and throws if one slips through at run time. */
export function unreachable(value: never): never {
  throw new Error(`unreachable: ${JSON.stringify(value)}`);
}
