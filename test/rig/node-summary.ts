// A reporter for node's test runner, for bin/test: one line `PASSED FAILED SKIPPED FAULTS`, then remarks for people. FAULTS are
// those that passed and whose names begin with `fault: `: each does vlb one harm and finds everything right afterwards.
//
// The remarks end with the files that take longest, since the time of all tests is theirs.
//
// The runner's own summary counts a test file without tests as a test that passed, and leaves skipped suites out.
// Here the first is a failure and the second is a skipped test, so that nothing passes silently.

import { relative, resolve } from 'node:path';
import type { TestEvent } from 'node:test/reporters';

/** Files that take longer are named. */
const LONG_SECONDS = 60;

export async function* summarize(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  let passed = 0;
  let failed = 0;
  let skipped = 0;
  let faults = 0;
  const remarks: string[] = [];
  const secondsOf = new Map<string, number>();
  for await (const { type, data } of events) {
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    if (data.nesting === 0 && data.file !== undefined) {
      secondsOf.set(data.file, (secondsOf.get(data.file) ?? 0) + data.details.duration_ms / 1000);
    }
    if (data.skip !== undefined || data.todo !== undefined) {
      skipped++;
    } else if (data.details.type === 'suite') {
      // Its tests were counted one by one.
    } else if (type === 'test:fail') {
      failed++;
    } else if (data.nesting === 0 && resolve(data.name) === data.file) {
      failed++;
      remarks.push(`${data.name}: there is no test in this file`);
    } else {
      passed++;
      if (data.name.startsWith('fault: ')) faults++;
    }
  }
  for (const [file, seconds] of [...secondsOf].toSorted(([, a], [, b]) => b - a)) {
    if (seconds > LONG_SECONDS) remarks.push(`${relative('.', file)} took ${seconds.toFixed(0)} s`);
  }
  yield `${passed} ${failed} ${skipped} ${faults}\n`;
  for (const remark of remarks) yield `${remark}\n`;
}

// biome-ignore lint/style/noDefaultExport: what --test-reporter takes
export default summarize;
