// Secrets: a script can read them, and they are nowhere else, during the build and after it.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { leftovers } from '../rig/host-state.ts';
import { TestProject } from '../rig/project.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

const SECRET = 'pa55-w0rd-of-the-test';

/** Everywhere it must not be: all of the project's files, whole images unpacked, and what processes show of themselves. */
function placesOf(secret: string, project: TestProject): string[] {
  const found: string[] = [];
  for (const name of readdirSync(project.directory, { recursive: true, encoding: 'utf8' })) {
    if (contains(project.path(name), secret)) found.push(name);
  }
  return found;
}

function processesWith(secret: string): string[] {
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid) && pid !== String(process.pid))
    .flatMap((pid) => [`/proc/${pid}/cmdline`, `/proc/${pid}/environ`])
    .filter((file) => contains(file, secret));
}

function contains(file: string, text: string): boolean {
  try {
    return readFileSync(file).includes(text);
  } catch {
    return false; // a directory, or gone
  }
}

test('a build-layer reads a secret, and it is found nowhere else, while the script runs and afterwards', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_app/build-layer': buildLayer(
      `
echo "mode $(stat -c '%a %u' /run/secrets/token) $VLB_SECRETS"
[ "$(cat /run/secrets/token)" = "$(printf '%s' "pa55-w0rd-" "of-the-test")" ] && echo same
cat /run/secrets/empty /run/secrets/binary | wc -c
if echo x > /run/secrets/more; then exit 1; fi
echo ready; sleep 2`,
      '# vlb: secret token\n# vlb: secret empty\n# vlb: secret binary',
    ),
    'layers/30_none/build-layer': buildLayer('ls /run/secrets 2>/dev/null || echo none'),
  });
  const above = path.dirname(project.directory);
  writeFileSync(path.join(above, 'token'), SECRET);
  writeFileSync(path.join(above, 'empty'), '');
  writeFileSync(path.join(above, 'binary'), Buffer.from([0, 10, 13, 92, 255, 0]));
  const args = ['token', 'empty', 'binary'].flatMap((name) => [
    '--secret',
    `${name}=${path.join(above, name)}`,
  ]);
  let seen: string[] | undefined;
  const built = await project.build(args, {
    onStdout: (text) => {
      if (text.includes('"line":"ready"')) seen ??= [...processesWith(SECRET), ...placesOf(SECRET, project)];
    },
  });
  assert.equal(built.status, 0, built.told);
  assert.equal(built.output.split('\n').slice(0, 3).join('\n'), 'mode 400 0 /run/secrets\nsame\n6');
  assert.match(built.output, /none$/);
  assert.deepEqual(seen, []);
  assert.deepEqual(placesOf(SECRET, project), []);
  const raw = project.path('image.raw');
  execFileSync('qemu-img', ['convert', '-O', 'raw', project.path('build/image.qcow2'), raw]);
  assert.deepEqual(placesOf(SECRET, project), []);
  assert.deepEqual(leftovers(project), []);

  assert.equal(
    (await project.build()).outcomes,
    '10_base fresh, 20_app fresh, 30_none fresh',
    'none is needed',
  );
  writeFileSync(path.join(above, 'token'), 'another');
  assert.equal((await project.build(args)).outcomes, '10_base fresh, 20_app fresh, 30_none fresh');
});

test('a modify-disk reads a secret of the environment, which no other process inherits', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk({
      more: 'echo "mode $(stat -c %a "$VLB_SECRETS/TOKEN")"; wc -c < "$VLB_SECRETS/TOKEN"; env | grep -c ^TOKEN= || true; sleep 2',
    }).replace('set -eu', '# vlb: secret TOKEN\nset -eu'),
  });
  let seen: string[] | undefined;
  const built = await project.build(['--secret', 'TOKEN'], {
    env: { TOKEN: SECRET },
    onStdout: (text) => {
      if (text.includes('"mode ')) seen ??= processesWith(SECRET);
    },
  });
  assert.equal(built.output, `mode 400\n${SECRET.length}\n0`, built.told);
  assert.equal(seen?.length, 1, `vlb's own environment, as it was started: ${seen}`);
  assert.deepEqual(placesOf(SECRET, project), []);
});

test('what a script prints of its secrets is masked: on the screen, in events, in logs and in failures', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_app/build-layer': buildLayer(
      `
cat /run/secrets/token /run/secrets/key
head -c 9 /run/secrets/token; sleep 0.2; tail -c +10 /run/secrets/token
base64 < /run/secrets/token
exit 3`,
      '# vlb: secret token\n# vlb: secret key',
    ),
  });
  const above = path.dirname(project.directory);
  writeFileSync(path.join(above, 'token'), `${SECRET}\n`);
  writeFileSync(path.join(above, 'key'), '-----BEGIN KEY-----\r\nMIIEpAIB\r\nab\r\n');
  const args = ['token', 'key'].flatMap((name) => ['--secret', `${name}=${path.join(above, name)}`]);
  const encoded = Buffer.from(`${SECRET}\n`).toString('base64');
  const shown = ['***', '***', '***', 'ab', '***', encoded];

  const built = await project.build(args);
  assert.equal(built.output, shown.join('\n'), built.told);
  assert.deepEqual(built.finished?.failure?.detail, shown);
  const plain = await project.vlb(['build', '--progress', 'plain', ...args]);
  const log = await project.vlb(['log', '20_app']);
  assert.deepEqual(log.stdout.trimEnd().split(/\r?\n/), shown);
  assert.match(plain.stderr, /^20_app \| \*\*\*$/m);
  for (const text of [built.told, plain.stdout + plain.stderr, log.stdout + log.stderr]) {
    assert.equal(text.includes(SECRET), false, text);
    assert.equal(text.includes('MIIEpAIB'), false, text);
    assert.equal(
      text.includes(encoded),
      true,
      'docs/security.md: another form of a secret is not recognized',
    );
  }
  assert.deepEqual(placesOf(SECRET, project), []);
});

test('secrets that are missing or wrong are told before anything runs', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_app/build-layer': buildLayer('true', '# vlb: secret token'),
  });
  for (const [args, says] of [
    [[], /layer 20_app requires the secret token\n {2}at .*20_app\/build-layer:2\n.*--secret token=FILE/],
    [['--secret', 'tokn=/etc/passwd'], /no layer has a secret tokn\n.*did you mean token\?/],
    [['--secret', 'token'], /--secret token: environment variable token is not set/],
    [['--secret', 'token=missing'], /the file of secret token does not exist\n {2}at missing/],
    [['--secret', 'token=/'], /the file of secret token cannot be read \(EISDIR\)/],
    [['--secret', '=x'], /--secret : not a secret/],
    [['--secret', 'token=/dev/null', '--secret', 'token=/dev/null'], /--secret token is given twice/],
  ] as const) {
    const ended = await project.vlb(['build', ...args]);
    assert.equal(ended.status, 2, ended.stderr);
    assert.match(ended.stderr, says);
    assert.doesNotMatch(ended.stderr, /building/);
  }
  // A pipe can be read once, and is no file of the project.
  const piped = await project.build(['--secret', 'token=/dev/stdin']);
  assert.equal(piped.status, 0, piped.told);
});
