// Tests of other files once more, with the backend vm: without KVM each build takes ten seconds or more, so only some of them, unless
// VLB_TEST_VM=all.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { run } from '../rig/project.ts';

/** The files, and which of their tests run in any case: one of them takes a minute. */
const FILES: Readonly<Record<string, RegExp | undefined>> = {
  chroot: /^the chroot has its own processes/,
  secrets: undefined,
  mounts: undefined,
  interrupt: undefined,
  'faults-space': undefined,
};

const runsAll = process.env['VLB_TEST_VM'] === 'all';

/** The tests are written for processors that are ten times as fast as an emulated one. */
const TIMEOUT = runsAll ? 4 * 3_600_000 : 300_000;

for (const [name, some] of Object.entries(FILES)) {
  if (some === undefined && !runsAll) continue;
  test(`on the backend vm: ${runsAll ? 'all' : 'some'} of ${name}.test.ts`, {
    timeout: TIMEOUT,
  }, async () => {
    const options = ['--disable-warning=ExperimentalWarning', '--experimental-strip-types', '--test'];
    const pattern = runsAll || some === undefined ? [] : [`--test-name-pattern=${some.source}`];
    const file = new URL(`${name}.test.ts`, import.meta.url).pathname;
    // It would report to the runner of this file.
    const ended = await run('env', [
      '--unset=NODE_TEST_CONTEXT',
      'VLB_TEST_BACKEND=vm',
      process.execPath,
      ...[...options, '--test-reporter=spec', ...pattern, file],
    ]);
    assert.equal(ended.status, 0, ended.stdout + ended.stderr);
    assert.match(ended.stdout, /^ℹ pass [1-9]/m);
  });
}
