// What can go wrong, as values: every expected failure is one of these; `throw` is kept for bugs.

/** Which exit status a failure leads to: see EXIT in src/cli/exit-status.ts. */
export type FailureKind =
  /** A layer's script or a boot check failed. */
  | 'work'
  /** The command line or the project is wrong. */
  | 'usage'
  /** This host cannot: a missing tool, device, permission or space. */
  | 'host'
  /** The person pressed ^C, or the process was told to end. */
  | 'interrupted';

export interface Failure {
  readonly kind: FailureKind;
  /** What happened, one sentence, no full stop. */
  readonly message: string;
  /** Where: a file, and a line in it (from 1) where there is one. */
  readonly where?: Where;
  /** What to do about it. */
  readonly hint?: string;
  /** Lines to show under the message: a tool's or a script's last output. */
  readonly detail?: readonly string[];
  /** Path of the whole log, when there is one. */
  readonly log?: string;
  /** The command that looks inside the disk of a layer that failed, when it was kept. */
  readonly look?: string;
  /** The exit status of the script or command that failed, when that is what happened. */
  readonly exitStatus?: number;
}

export interface Where {
  readonly file: string;
  readonly line?: number;
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

/** The bad case: `fail('usage', 'no layer is called "x"', { hint: '…' })`. */
export function fail(
  kind: FailureKind,
  message: string,
  more: Omit<Failure, 'kind' | 'message'> = {},
): { readonly ok: false; readonly failure: Failure } {
  return { ok: false, failure: { kind, message, ...more } };
}
