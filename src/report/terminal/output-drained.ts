// Whoever reads what vlb prints may be slower than a script: then the script has to wait, or all of it would pile up here.

import { once } from 'node:events';

/** One for all the layers that run. */
let waiting: Promise<void> | undefined;

/**
 * Settles when what was printed has been taken, or on the signal; undefined when it has been. Where vlb's output is a
 * terminal or a file, it always has.
 */
export function untilTaken(signal: AbortSignal): Promise<void> | undefined {
  const behind = [process.stdout, process.stderr].filter((stream) => stream.writableNeedDrain);
  if (behind.length === 0) return undefined;
  const settled = () => {
    waiting = undefined;
  };
  // It fails when interrupted; or nobody will ever take it, and vlb is about to end (`outputIsLost` of src/cli/main.ts).
  waiting ??= Promise.all(behind.map((stream) => once(stream, 'drain', { signal }))).then(settled, settled);
  return waiting;
}
