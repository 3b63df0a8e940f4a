// vlb shell without a terminal: what its commands see, that nothing they do is kept, and how they end.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { leftovers } from '../rig/host-state.ts';
import { run, TestProject, VLB } from '../rig/project.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

const BASE = { 'layers/10_base/modify-disk': tinyDisk() };
/** All that a script can look at; what is the same in each run of a layer. */
const LOOK =
  'pwd; env | grep -v ^SHLVL | sort; ls -A / /mnt /dev /tmp /run /opt/* /layer; cat /opt/shared/a /run/secrets/S; id; hostname; readlink /proc/1/root; ls -A /opt/cache | wc -l; cat /proc/net/dev | wc -l; echo x > /opt/cache/x';

test('a command sees what the layer has and what its script saw, and nothing that it does is kept', async () => {
  await using project = new TestProject({
    ...BASE,
    'layers/15_other/build-layer': buildLayer('touch /other', '# vlb: from base'),
    'layers/20_app/build-layer': buildLayer(
      `${LOOK}; echo made > /made`,
      [
        '# vlb: from base',
        '# vlb: mount other /layer',
        '# vlb: param VERSION=1',
        '# vlb: secret S',
        '# vlb: cache-dir /opt/cache',
        '# vlb: network none',
        '# chroot-bind-mount ../../shared /opt/shared',
      ].join('\n'),
    ),
    'layers/20_app/own': 'own\n',
    'shared/a': 'shared\n',
    secret: 'hidden\n',
  });
  const given = ['-p', 'VERSION=7', '--secret', `S=${project.path('secret')}`];
  const built = await project.build(given);
  assert.equal(built.status, 0, built.told);
  const log = readFileSync(project.path('.vlb/logs/20_app.log'), 'utf8');
  assert.match(log, /VERSION=7/);
  const before = digests(project);

  const parent = await project.vlb(['shell', '--parent', 'app', ...given, '--', './build-layer']);
  assert.equal(parent.status, 0, parent.stderr);
  // Its network namespace, its cache and all the rest are as in the build; only in the log the secret is masked.
  assert.match(parent.stdout, /^hidden$/m);
  assert.equal(parent.stdout.replace(/^hidden$/m, '***'), log);
  assert.equal((await project.vlb(['log', 'app'])).stdout, log, 'a shell is no run');

  const typed = await project.vlb([
    'shell',
    'app',
    ...given,
    '--',
    'sh',
    '-c',
    'cat /made; echo t > /t; rm /made; exit 5',
  ]);
  assert.deepEqual([typed.stdout, typed.status], ['made\n', 5]);
  const next = await project.vlb(['shell', 'app', ...given, '--', 'ls', '/t', '/made']);
  assert.match(next.stderr, /\/t: No such file/);
  assert.equal(next.stdout, '/made\n');

  // Without its secrets, which a look can do without.
  const without = await project.vlb(['shell', 'app', '-p', 'VERSION=7', '--', 'ls', '/run/secrets/S']);
  assert.equal(without.status, 1);
  assert.deepEqual(digests(project), before);
  assert.equal((await project.build(given)).outcomes, '10_base fresh, 15_other fresh, 20_app fresh');
  assert.deepEqual(leftovers(project), []);
});

test('input, output and exit status pass through, arguments as they are', async () => {
  await using project = new TestProject({ ...BASE, 'layers/20_app/build-layer': buildLayer('true') });
  assert.equal((await project.build()).status, 0);
  const shell = (args: readonly string[], input: Buffer | string = '') =>
    spawnSync(VLB, ['-C', project.directory, 'shell', 'app', ...args], { input });
  const bytes = Buffer.from(Array.from({ length: 256 * 300 }, (_, index) => index % 256));
  const copied = shell(['--', 'cat'], bytes);
  assert.ok(copied.stdout.equals(bytes));
  assert.equal(copied.stderr.toString(), '');
  const words = ['', 'a b', "it's", '$HOME', 'two\nlines', '\\n', '-x', '--', '007'];
  assert.equal(
    shell(['--', 'printf', '<%s>', ...words]).stdout.toString(),
    words.map((word) => `<${word}>`).join(''),
  );
  const both = shell(['--', 'sh', '-c', 'echo out; echo err >&2; kill -TERM $$']);
  assert.deepEqual([both.stdout.toString(), both.stderr.toString(), both.status], ['out\n', 'err\n', 143]);
  assert.equal(shell(['--', 'no-such-command']).status, 127);
  const typed = shell([], 'cd /etc\ncat os-release\nexit 9\n');
  assert.deepEqual([typed.stdout.toString(), typed.status], ['ID=tiny\n', 9]);
  assert.deepEqual(leftovers(project), []);
});

test('the disk of a failed run is kept until the next one, and is no artifact', async () => {
  await using project = new TestProject({
    ...BASE,
    'layers/20_app/build-layer': buildLayer('echo left > /left; sync; exit 7'),
    'layers/30_old/build-layer': buildLayer('exit 1', '# vlb: from base'),
  });
  const failed = await project.vlb(['build', '-k', '--jobs', '1', '--progress', 'plain']);
  assert.equal(failed.status, 1);
  assert.match(failed.stderr, /\n {2}log: \.vlb\/logs\/20_app\.log\n {2}look: vlb shell --failed 20_app\n/);
  assert.deepEqual(readdirSync(project.path('.vlb/failed')).sort(), ['20_app.qcow2', '30_old.qcow2']);
  assert.equal(digests(project).length, 1);

  // The command that was told, from elsewhere too, and after the project was moved.
  const moved = path.join(path.dirname(project.directory), 'moved');
  renameSync(project.directory, moved);
  const elsewhere = await run(VLB, ['-C', moved, 'shell', '--failed', '20_app', '--', 'cat', '/left'], {
    cwd: '/',
  });
  renameSync(moved, project.directory);
  assert.equal(elsewhere.stdout, 'left\n', elsewhere.stderr);
  const told = await run(VLB, ['-C', project.directory, 'build', 'app'], {
    cwd: path.dirname(project.directory),
  });
  assert.match(told.stderr, /\n {2}look: vlb -C project shell --failed 20_app\n/);

  // One that runs too long leaves its disk as well; that of a layer that is gone is not kept for ever.
  rmSync(project.path('layers/30_old'), { recursive: true });
  project.write({
    'layers/20_app/build-layer': buildLayer('echo late > /late; sleep 600', '# vlb: timeout 1s'),
  });
  assert.equal((await project.build()).finished?.failure?.look, 'vlb shell --failed 20_app');
  assert.deepEqual(readdirSync(project.path('.vlb/failed')), ['20_app.qcow2']);
  const late = await project.vlb(['shell', '--failed', 'app', '--', 'sh', '-c', 'cat /late; ls /left']);
  assert.equal(late.stdout, 'late\n');
  assert.match(late.stderr, /\/left: No such file/);

  project.write({ 'layers/20_app/build-layer': buildLayer('ls /late /left || true') });
  const good = await project.build();
  assert.equal(good.status, 0, good.told);
  assert.doesNotMatch(good.output, /^\/l/m);
  assert.deepEqual(readdirSync(project.path('.vlb/failed')), []);

  project.write({ 'layers/40_bad/build-layer': buildLayer('exit 1') });
  assert.equal((await project.build()).status, 1);
  assert.deepEqual(readdirSync(project.path('.vlb/failed')), ['40_bad.qcow2']);
  assert.equal((await project.vlb(['cache', 'clear'])).status, 0);
  assert.equal(existsSync(project.path('.vlb/failed/40_bad.qcow2')), false);
  assert.deepEqual(leftovers(project), []);
});

test('with a store elsewhere: the disk of a failure, and what it stands on being gone', async () => {
  await using project = new TestProject({
    ...BASE,
    'layers/20_app/build-layer': buildLayer('touch /left; exit 7'),
  });
  // As a rule another file system.
  const store = execFileSync('mktemp', ['-d', '-p', '/dev/shm'], { encoding: 'utf8' }).trim();
  try {
    const failed = await project.build(['--cache-dir', store]);
    assert.equal(failed.finished?.failure?.look, `vlb shell --cache-dir ${store} --failed 20_app`);
    const args = ['shell', '--cache-dir', store, '--failed', 'app', '--', 'ls', '/left'];
    assert.equal((await project.vlb(args)).stdout, '/left\n');
    rmSync(path.join(store, 'sha256'), { recursive: true });
    const gone = await project.vlb(args);
    assert.equal(gone.status, 2);
    assert.match(
      gone.stderr,
      /the backing file of the failed disk of 20_app is missing from the store\n {2}at .*\n {2}help: run the layer again: vlb build 20_app/,
    );
  } finally {
    rmSync(store, { recursive: true });
  }
});

test('a modify-disk: a command on the host, with the disk as $DEVICE', async () => {
  await using project = new TestProject({ ...BASE, 'layers/10_base/own': 'own\n' });
  assert.equal((await project.build()).status, 0);
  const before = digests(project);
  const shell = (...args: readonly string[]) => project.vlb(['shell', 'base', ...args]);
  const look =
    'mkdir "$TMPDIR/m"; mount "$DEVICE"p1 "$TMPDIR/m"; cat "$TMPDIR/m/etc/os-release"; rm "$TMPDIR/m/etc/os-release"; cat own; exit 6';
  for (let time = 0; time < 2; time++) {
    const ended = await shell('--', 'sh', '-c', look);
    assert.deepEqual([ended.stdout, ended.status], ['ID=tiny\nown\n', 6], ended.stderr);
  }
  const tried = await shell(
    '--parent',
    '--',
    'sh',
    '-c',
    './modify-disk "$SOURCE" "$TARGET" "$DEVICE" && blkid -o value -s TYPE "$DEVICE"p1',
  );
  assert.deepEqual([tried.stdout, tried.status], ['ext4\n', 0], tried.stderr);
  assert.deepEqual(digests(project), before);
  assert.deepEqual(leftovers(project), []);
});

test('what is not there is told, with what to run', async () => {
  await using project = new TestProject({
    ...BASE,
    'layers/20_app/build-layer': buildLayer('echo one > /made'),
    'layers/30_top/build-layer': buildLayer('true', '# vlb: mount app /mnt/app'),
  });
  const says = async (args: readonly string[], ...wanted: readonly RegExp[]) => {
    const ended = await project.vlb(['shell', ...args]);
    assert.equal(ended.status, 2, ended.stderr);
    for (const text of wanted) assert.match(ended.stderr, text);
  };
  await says(['app'], /layer 20_app has not been built\n {2}help: build it with `vlb build 20_app`/);
  await says(
    ['app', '--parent'],
    /20_app needs 10_base, which has not been built\n {2}help: build it with `vlb build 10_base`/,
  );
  await says(['app', '--failed'], /no saved disk of a failed run of 20_app/);
  assert.equal((await project.build(['app'])).status, 0);
  await says(['top'], /layer 30_top has not been built/);
  await says(['ap'], /no layer named "ap"/);
  await says(['app', 'ls'], /vlb shell: unexpected argument "ls"\n {2}help: put the command to run after --/);
  await says(['app', '--failed', '--parent'], /use either --parent or --failed, not both/);

  // What was built last can be looked at, though it is not what a build would make now.
  project.write({ 'layers/20_app/build-layer': buildLayer('echo two > /made') });
  const old = await project.vlb(['shell', 'app', '--', 'cat', '/made']);
  assert.equal(old.stdout, 'one\n');
  assert.equal(old.stderr, 'note: 20_app is shown as it was last built; since then: input changed\n');
});

test('^C, SIGTERM and SIGKILL leave nothing behind', async () => {
  await using project = new TestProject({ ...BASE, 'layers/20_app/build-layer': buildLayer('true') });
  assert.equal((await project.build()).status, 0);
  for (const [signal, status] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
    ['SIGKILL', null],
  ] as const) {
    const args = ['shell', 'app', '--', 'sh', '-c', "trap '' INT TERM; echo begun; sleep 600 & wait"];
    const ended = await project.vlb(args, { onStdout: (_text, kill) => kill(signal) });
    assert.equal(ended.status, status, ended.stderr);
    for (let tries = 0; tries < 100 && leftovers(project).some(isHeld); tries++) await sleep(50);
    assert.deepEqual(leftovers(project).filter(isHeld), []);
  }
  // What SIGKILL left of the run goes with the next one.
  assert.equal((await project.vlb(['shell', 'app', '--', 'true'])).status, 0);
  assert.deepEqual(leftovers(project), []);
});

const skip =
  process.getuid?.() !== 0 || !existsSync('/usr/bin/sudo')
    ? 'needs root and sudo to make such a user'
    : false;

test('an ordinary user with sudo', { skip }, async () => {
  await using project = new TestProject({
    ...BASE,
    'layers/20_app/build-layer': buildLayer('echo left > /left; exit 7'),
  });
  const above = path.dirname(project.directory);
  execFileSync('chown', ['-R', '4321:4321', above]);
  await run(VLB, ['--version']); // the bundle is not the user's to make
  const asUser = (command: string) =>
    run('unshare', ['--mount', 'sh', '-c', AS_USER, 'sh', `cd ${project.directory}; ${command}`, above]);
  const ended = await asUser(
    `${VLB} build; ${VLB} shell --failed app -- sh -c "cat /left; id -u; exit 5"; echo "status $?"; echo typed | ${VLB} shell --parent app -- cat`,
  );
  assert.equal(ended.stdout, 'left\n0\nstatus 5\ntyped\n', ended.stderr);
  assert.deepEqual(leftovers(project), []);
});

/** Runs $1 as a user who may use sudo without a password, and whom only a mount namespace of its own knows. */
const AS_USER = `
set -e
for file in passwd shadow group; do cp "/etc/$file" "$2"; done
echo 'vlbtest:x:4321:4321::/nonexistent:/bin/sh' >>"$2/passwd"
echo 'vlbtest:!:19000:0:99999:7:::' >>"$2/shadow"
echo 'vlbtest:x:4321:' >>"$2/group"
for file in passwd shadow group; do mount --bind "$2/$file" "/etc/$file"; done
mount -t tmpfs -o mode=0755 tmpfs /etc/sudoers.d
echo 'vlbtest ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/vlb
chmod 440 /etc/sudoers.d/vlb
exec setpriv --reuid=4321 --regid=4321 --clear-groups sh -c "$1"
`;

/** The artifacts, each with the digest that its bytes have now. */
function digests(project: TestProject): string[] {
  const directory = project.path('.vlb/store/sha256');
  return readdirSync(directory)
    .map((name) => {
      const digest = createHash('sha256')
        .update(readFileSync(path.join(directory, name)))
        .digest('hex');
      assert.ok(name.includes(digest), `${name} has the bytes of its name`);
      return name;
    })
    .sort();
}

/** Not the files of a run that was killed, which the next one removes. */
function isHeld(found: string): boolean {
  return /attached|running|mount/.test(found);
}
