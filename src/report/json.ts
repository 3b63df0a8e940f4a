// One event a line, for programs.

import type { Reporter, Write } from './reporter.ts';

export function jsonReporter(write: Write): Reporter {
  return {
    report: (event) => write(JSON.stringify(event)),
    close() {},
  };
}
