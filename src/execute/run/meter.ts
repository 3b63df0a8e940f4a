// The size of a draft, emitted while its layer runs.

import { statSync } from 'node:fs';
import type { Emit } from '../../model/event.ts';

const SECOND = 1000;

/** Emits the size of a draft once a second, until disposed of. A run that takes less is never measured. */
export function meter(layer: string, file: string, emit: Emit): Disposable {
  const timer = setInterval(() => {
    const stat = statSync(file, { throwIfNoEntry: false });
    if (stat) emit({ type: 'layer-size', layer, bytes: stat.size });
  }, SECOND).unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}
