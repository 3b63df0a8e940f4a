// What vlb does, step by step, for --trace. Everything that can be traced calls this; without a trace the calls do nothing.
// The trace belongs to an asynchronous context, so several builds of one process can have one each.

import type { AsyncLocalStorage } from 'node:async_hooks';

/** JSON values; undefined ones are left out. Never secrets, standard input or values of the environment. */
export type TraceFields = Readonly<Record<string, unknown>>;

export interface Trace {
  note(event: string, fields: TraceFields): void;
}

let traces: AsyncLocalStorage<Trace> | undefined;
let actions = 0;

/** Runs `work` with a trace: all that it traces, and that it starts, goes there. */
export async function withTrace<T>(trace: Trace, work: () => Promise<T>): Promise<T> {
  const { AsyncLocalStorage } = await import('node:async_hooks');
  traces ??= new AsyncLocalStorage();
  return traces.run(trace, work);
}

/** The trace of the running code, if there is one. */
export function currentTrace(): Trace | undefined {
  return traces?.getStore();
}

/** Traces something that happened. */
export function traceNote(event: string, fields: TraceFields): void {
  currentTrace()?.note(event, fields);
}

/**
 * Traces the beginning of an action. The returned function traces its end, with the time it took in ms: the same event with
 * `-ended`, and the same id.
 */
export function traceAction(event: string, fields: TraceFields): (end: TraceFields) => void {
  const trace = currentTrace();
  if (!trace) return () => {};
  const id = actions++;
  const startedAt = performance.now();
  trace.note(event, { id, ...fields });
  return (end) =>
    trace.note(`${event}-ended`, { id, took: milliseconds(performance.now() - startedAt), ...end });
}

/** With microseconds, and no further digits. */
export function milliseconds(time: number): number {
  return Math.round(time * 1000) / 1000;
}
