// A reporter for node's test runner, for bin/test: one line `PASSED FAILED SKIPPED FAULTS`, then remarks for people. FAULTS are
// those that passed and whose names begin with `fault: `: each does vlb one harm and finds everything right afterwards.
//
// The runner's own summary counts a test file without tests as a test that passed, and leaves skipped suites out.
// Here the first is a failure and the second is a skipped test, so that nothing passes silently.

import { resolve } from 'node:path';
import type { TestEvent } from 'node:test/reporters';

export async function* summarize(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  let passed = 0;
  let failed = 0;
  let skipped = 0;
  let faults = 0;
  const remarks: string[] = [];
  for await (const { type, data } of events) {
    if (type !== 'test:pass' && type !== 'test:fail') continue;
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
  yield `${passed} ${failed} ${skipped} ${faults}\n`;
  for (const remark of remarks) yield `${remark}\n`;
}

// biome-ignore lint/style/noDefaultExport: what --test-reporter takes
export default summarize;
