// Prints failures only.

import type { Style } from '../terminal/style.ts';
import { failureLines, type Reporter, type Write } from './reporter.ts';

export function quietReporter(write: Write, style: Style): Reporter {
  return {
    report(event) {
      if (event.type !== 'finished') return;
      for (const line of failureLines(event, style)) write(line);
    },
    buildNotStarted() {},
    close() {},
  };
}
