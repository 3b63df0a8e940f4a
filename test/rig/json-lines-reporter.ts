// A reporter for node's test runner: each test's end as one line of JSON, for tests that run in another machine.

import type { TestEvent } from 'node:test/reporters';
import { inspect } from 'node:util';

/** The last line, after all tests: the runner itself completed. */
export const THE_END = '"the end"';

/** How a test ended. */
export interface TestReport {
  /** With the names of the tests around it: `a build > its second layer`. */
  readonly name: string;
  readonly file: string | undefined;
  readonly ok: boolean;
  /** True, or the reason, when it was not run. */
  readonly skipped: boolean | string;
  readonly seconds: number;
  /** Why it failed. */
  readonly error: string | undefined;
}

export async function* reportJsonLines(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  const names: string[] = [];
  for await (const { type, data } of events) {
    if (type === 'test:start') names[data.nesting] = data.name;
    if (type !== 'test:pass' && type !== 'test:fail') continue;
    if (data.details.type === 'suite') continue;
    const report: TestReport = {
      name: [...names.slice(0, data.nesting), data.name].join(' > '),
      file: data.file,
      ok: type === 'test:pass',
      skipped: data.skip ?? data.todo ?? false,
      seconds: data.details.duration_ms / 1000,
      error: type === 'test:fail' ? inspect(data.details.error.cause ?? data.details.error) : undefined,
    };
    yield `${JSON.stringify(report)}\n`;
  }
  yield `${THE_END}\n`;
}

// biome-ignore lint/style/noDefaultExport: what --test-reporter takes
export default reportJsonLines;
