// Back-pressure: a script must wait while the reader of vlb's output is slower than it, or the output would pile up in memory.

import { once } from 'node:events';

/**
 * Returns the back-pressure of one build: a function that returns undefined while nothing that was printed is pending, else a
 * promise that settles when it was read, or on the signal. The layers of the build share one wait.
 */
export function outputDrained(signal: AbortSignal): () => Promise<void> | undefined {
  let pending: Promise<void> | undefined;
  const settled = () => {
    pending = undefined;
  };
  return () => {
    const full = [process.stdout, process.stderr].filter((stream) => stream.writableNeedDrain);
    if (full.length === 0) return undefined;
    // Rejects on the signal, and when the reader is gone: then vlb is about to end (`outputIsLost` of src/cli/main.ts).
    pending ??= Promise.all(full.map((stream) => once(stream, 'drain', { signal }))).then(settled, settled);
    return pending;
  };
}
