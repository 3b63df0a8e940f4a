// An ordinary user whose sudo asks for a password: a ticket of the terminal is enough, and without one nothing starts.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { leftovers } from '../rig/host-state.ts';
import { run, TestProject, VLB } from '../rig/project.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

const USER = 'vlbtest';
/** Of the password `secret`. */
const HASH = '$6$vlb$c95CqS/p9gmRLeMPFT2OP00Ht4nV7HohnHipNtBsZIpFyZYfc/M2yND2NGnBaDH2kSy1b0Mn07mH23Sk8Ftr01';

/** Makes the user, whom only a mount namespace of its own knows, and runs $1 as him on a terminal of its own. */
const AS_USER = `
set -e
mkdir "$2"
for file in passwd shadow group; do cp "/etc/$file" "$2"; done
echo '${USER}:x:4321:4321::/nonexistent:/bin/sh' >>"$2/passwd"
echo '${USER}:${HASH}:19000:0:99999:7:::' >>"$2/shadow"
echo '${USER}:x:4321:' >>"$2/group"
for file in passwd shadow group; do mount --bind "$2/$file" "/etc/$file"; done
mount -t tmpfs -o mode=0755 tmpfs /etc/sudoers.d
echo '${USER} ALL=(ALL) ALL' >/etc/sudoers.d/vlb
chmod 440 /etc/sudoers.d/vlb
mkdir -p /run/sudo
mount -t tmpfs -o mode=0711 tmpfs /run/sudo
exec setpriv --reuid=4321 --regid=4321 --clear-groups script -qec "$1" /dev/null
`;

const NEEDS = ['/usr/bin/sudo', '/usr/bin/script', '/usr/bin/setpriv'];
const AS_ANYBODY = ['--reuid=4321', '--regid=4321', '--clear-groups', 'test', '-r', VLB];
const skip =
  process.getuid?.() !== 0 ||
  !NEEDS.every((tool) => existsSync(tool)) ||
  spawnSync('setpriv', AS_ANYBODY).status !== 0
    ? 'needs root, sudo and script to make such a user, and a vlb that he may read'
    : false;

test('with a ticket of sudo on the terminal, an ordinary user builds; without, it is told before anything starts', {
  skip,
}, async () => {
  const streams =
    'echo one > /dev/stdout; echo two > /dev/stderr; echo three | tee /dev/stderr > /dev/null; id -u';
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk({ more: `ln -s busybox "$root/bin/tee"; ${streams}` }),
    'layers/20_app/build-layer': buildLayer(
      `${streams}; cat own /opt/shared/a; stat -c %u own /opt/shared/a; echo kept > /opt/cache/kept`,
      '# chroot-bind-mount ../../shared /opt/shared\n# vlb: cache-dir /opt/cache',
    ),
    'layers/20_app/own': 'own\n',
    'shared/a': 'shared\n',
  });
  const above = path.dirname(project.directory);
  execFileSync('chown', ['-R', '4321:4321', above]);
  await run(VLB, ['--version']); // the bundle is not the user's to make
  // Debian's PATH of such a user, which has no sbin.
  const plain = `env PATH=/usr/local/bin:/usr/bin:/bin VLB_NODE=${process.execPath}`;
  const build = `${plain} ${VLB} -C ${project.directory} build --progress plain; echo "status $?"`;
  const asUser = (command: string, name: string) =>
    run('unshare', ['--mount', 'sh', '-c', AS_USER, 'sh', command, path.join(above, name)]);

  const without = await asUser(build, 'without');
  assert.match(without.stdout, /^error: layers run as root, and sudo requires a password/m);
  assert.match(without.stdout, /help: run `sudo -v`/);
  assert.match(without.stdout, /^status 3/m);
  assert.equal(existsSync(project.path('.vlb/runs')), false);
  assert.doesNotMatch(without.stdout, /^building/m);

  const built = await asUser(`echo secret | sudo -S -v; ${build}`, 'with');
  assert.match(built.stdout, /^status 0/m, built.stdout + built.stderr);
  assert.match(built.stdout, /10_base \| one\s+10_base \| two\s+10_base \| three\s+10_base \| 0/);
  assert.match(
    built.stdout,
    /20_app \| one\s+20_app \| two\s+20_app \| three\s+20_app \| 0\s+20_app \| own\s+20_app \| shared\s+20_app \| 0\s+20_app \| 0/,
  );
  assert.equal(statSync(project.path('build/20_app.qcow2')).uid, 4321);
  const caches = project.path('.vlb/store/caches');
  assert.equal(statSync(path.join(caches, readdirSync(caches)[0] ?? '', 'kept')).uid, 0);
  assert.deepEqual(leftovers(project), []);
});
