// Nothing but what went wrong.

import { failureText } from './failure-text.ts';
import type { Reporter, Write } from './reporter.ts';
import type { Style } from './style.ts';

export function quietReporter(write: Write, style: Style): Reporter {
  return {
    report(event) {
      if (event.type === 'finished' && event.failure) write(failureText(event.failure, style));
    },
    close() {},
  };
}
