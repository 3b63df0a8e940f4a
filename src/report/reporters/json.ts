// Prints each event as one line of JSON, as described by docs/events.schema.json.

import { type BuildEvent, EVENT_VERSION } from '../../model/event.ts';
import type { Reporter, Write } from './reporter.ts';

export function jsonReporter(write: Write): Reporter {
  const report = (event: BuildEvent) => write(JSON.stringify({ ...event, version: EVENT_VERSION }));
  return {
    report,
    buildNotStarted: (failure) =>
      report({ type: 'finished', ok: false, counts: NOTHING, seconds: 0, failure, failures: [] }),
    close() {},
  };
}

const NOTHING = { fresh: 0, restored: 0, built: 0, failed: 0, skipped: 0 } as const;
