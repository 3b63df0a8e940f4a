// Test files run in a virtual machine, where the kernel has what this one lacks: Debian's own, with the nbd module. The
// machine's image is the vlb project test/guest; a boot changes nothing of it.

import assert from 'node:assert/strict';
import { copyFileSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import type { TestContext } from 'node:test';
import { type TestReport, THE_END } from './json-lines-reporter.ts';
import { type Ended, REPOSITORY, run, VLB } from './project.ts';

const GUEST = path.join(REPOSITORY, 'test/guest');
/** Where vlb and its tests are in the guest. */
const PLACE = '/opt/vlb';
/** What the repository's checks and the making of the bundle need, and tests do not. */
const NOT_NEEDED = [
  '@aws-sdk',
  '@biomejs',
  '@esbuild',
  '@smithy',
  '@types',
  '@typescript',
  'esbuild',
  'typescript',
];

export interface GuestOptions {
  /** No tests whose names match this regular expression. */
  readonly leaveOut?: string;
  /** For the boot and all tests together; default 8. */
  readonly minutes?: number;
}

/**
 * Boots the guest and runs test files in it, as root, one after the other. Each of their tests becomes a test here.
 * With the nbd module loaded, `vlb build` of a TestProject attaches disks as /dev/nbd0 and /dev/nbd1.
 * @param files relative to the repository
 */
export async function testInGuest(
  t: TestContext,
  files: readonly string[],
  { leaveOut, minutes = 8 }: GuestOptions = {},
): Promise<void> {
  await t.test('the guest is built', async () => {
    await fillPayload();
    assertSuccess(await run(VLB, ['build', ...inGuestProject()]));
  });
  const reports: TestReport[] = [];
  // Longer than what any other test may take.
  await t.test('the guest runs all tests', { timeout: (minutes + 5) * 60_000 }, async () => {
    const machine = ['--memory', '2G', '--net', 'none', '--timeout', `${minutes}m`];
    const command = ['--run', commandFor(files, leaveOut)];
    const ended = await run(VLB, ['test-boot', ...inGuestProject(), ...machine, ...command]);
    assertSuccess(ended);
    const lines = ended.stdout.trimEnd().split('\n');
    assert.equal(lines.pop(), THE_END, ended.stdout);
    for (const line of lines) reports.push(JSON.parse(line));
    const tested = new Set(reports.map(({ file }) => file));
    for (const file of files) assert.ok(tested.has(path.join(PLACE, file)), `no test of ${file} ran`);
  });
  for (const { name, ok, skipped, seconds, error } of reports) {
    await t.test(`in the guest, ${seconds.toFixed(1)} s: ${name}`, () => {
      assert.ok(ok, error);
      assert.equal(skipped, false, 'no test is skipped there');
    });
  }
}

/** VLB_TEST_GUEST_STORE moves the store, which makes it cheap to build the guest again. */
function inGuestProject(): string[] {
  const store = process.env['VLB_TEST_GUEST_STORE'];
  return ['-C', GUEST, ...(store === undefined ? [] : ['--cache-dir', path.resolve(store)])];
}

/** What the layers of the guest bring in: the node of these tests, and vlb as it is, with its tests. */
async function fillPayload(): Promise<void> {
  const payload = path.join(GUEST, 'payload');
  mkdirSync(payload, { recursive: true });
  copyFileSync(process.execPath, path.join(payload, 'node'));
  assertSuccess(await run(VLB, ['--version'])); // makes dist/ where it is old
  const left = [
    ...NOT_NEEDED.map((name) => `node_modules/${name}`),
    'dist/cache',
    ...['payload', 'build', '.vlb'].map((name) => `test/guest/${name}`),
  ];
  assertSuccess(
    await run('tar', [
      '--create',
      `--file=${path.join(payload, 'vlb.tar')}`,
      `--directory=${REPOSITORY}`,
      '--sort=name',
      '--anchored',
      ...left.map((name) => `--exclude=${name}`),
      ...['bin', 'dist', 'docs/events.schema.json', 'node_modules', 'package.json', 'src', 'test'],
    ]),
  );
}

/** The shell command that runs tests in the guest: it prints a line for each, and fails when they could not be run. */
function commandFor(files: readonly string[], leaveOut: string | undefined): string {
  const node = [
    ...['--disable-warning=ExperimentalWarning', '--experimental-strip-types'],
    // One process for all: there, each start of node takes a second.
    ...['--test', '--test-isolation=none', '--test-concurrency=1', '--test-timeout=900000'],
    ...(leaveOut === undefined ? [] : [`--test-skip-pattern=${leaveOut}`]),
    ...['--test-reporter=./test/rig/json-lines-reporter.ts', '--test-reporter-destination=/tmp/reports'],
    // On the console, for a boot that does not complete.
    ...['--test-reporter=spec', '--test-reporter-destination=stdout'],
    ...files,
  ];
  // Status 1: a test failed, which its line says.
  return `cd ${PLACE} && modprobe nbd || exit 3
export HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin CI=true VLB_TEST_NBD=/dev/nbd0,/dev/nbd1
node ${node.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(' ')} >/dev/console 2>&1 || [ $? = 1 ] || exit 3
cat /tmp/reports`;
}

function assertSuccess({ status, stdout, stderr }: Ended): void {
  assert.equal(status, 0, `${stdout}${stderr}`.slice(-8000));
}
