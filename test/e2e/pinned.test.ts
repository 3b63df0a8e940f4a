// What a script leaves behind so that it resists removal: attributes of chattr(1), modes, deep paths. Clean-up removes it, or
// says what remains and goes on.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync } from 'node:fs';
import { test } from 'node:test';
import { leftovers, untilClean } from '../rig/host-state.ts';
import { TestProject } from '../rig/project.ts';
import { runAsRoot } from '../rig/root.ts';
import { buildLayer, copyTools, tinyDisk } from '../rig/tiny.ts';

const CACHE = '/var/cache/x';
/** Twice this is longer than a path that the kernel takes. */
const DEEP = `${'d'.repeat(120)}/`.repeat(25).slice(0, -1);
const PIN = `chattr=/opt/chattr
for place in /mnt /tmp /run /opt/in ${CACHE}; do
  mkdir -p $place/pinned/deep; cd $place/pinned
  touch file 'a
b' deep/log; mkdir closed; touch closed/x; chmod 0 closed; mkfifo fifo; mknod null c 1 3
  $chattr +i file deep 2>/dev/null || case $place in /tmp | /run) ;; *) exit 1 ;; esac # tmpfs has none before Linux 6.6
  $chattr +a deep/log 2>/dev/null || true
done
cd ${CACHE}; mkdir -p ${DEEP} other/${DEEP}; touch other/${DEEP}/last; $chattr +i other/${DEEP}/last; mv other ${DEEP}
$chattr +i /mnt/file`;

const FILES = {
  'layers/10_base/modify-disk': tinyDisk({
    more: `${copyTools('chattr')}for tool in mkfifo mknod; do ln -s busybox "$root/bin/$tool"; done
touch pinned; chattr +i pinned; touch "$TMPDIR/pinned"; chattr +i "$TMPDIR/pinned"`,
  }),
  'layers/20_app/file': '',
  'layers/20_app/in/file': '',
};

const HINTS = `# chroot-bind-mount in /opt/in\n# vlb: cache-dir ${CACHE}`;

test('what scripts pin is removed with the run, and a cache can be removed by anyone', async () => {
  await using project = new TestProject({
    ...FILES,
    'layers/20_app/build-layer': buildLayer(PIN, HINTS),
    'layers/30_next/build-layer': buildLayer(
      `rm -rf ${CACHE}/pinned; ls ${CACHE}`,
      `# vlb: cache-dir ${CACHE}`,
    ),
  });
  const built = await project.build();
  assert.equal(built.status, 0, built.told);
  assert.equal(built.output, 'd'.repeat(120));
  assert.deepEqual(leftovers(project), []);
  const [cache = ''] = readdirSync(project.path('.vlb/store/caches'));
  assert.notEqual(cache, '');
  const shown = await project.vlb(['shell', 'app', '--', '/opt/chattr', '+i', '/mnt/file', CACHE]);
  assert.equal(shown.status, 0, shown.stderr);
  assert.deepEqual(leftovers(project), []);
  const cleared = await project.vlb(['store', 'clear']);
  assert.equal(cleared.status, 0, cleared.stderr);
  assert.deepEqual(existsSync(project.path('.vlb/store/caches', cache)), false);
});

test('when vlb is killed while a script runs, what that pinned does not resist', async () => {
  await using project = new TestProject({
    ...FILES,
    'layers/20_app/build-layer': buildLayer(`${PIN}\necho pinned; sleep 60`, HINTS),
  });
  const killed = await project.build([], {
    onStdout: (text, kill) => {
      if (text.includes('"line":"pinned"')) kill('SIGKILL');
    },
  });
  assert.equal(killed.status, null);
  await untilClean(project, (found) => /the (?:run|draft|lease)/.test(found));
  runAsRoot('rm', '-rf', project.path('.vlb/runs')); // as a user would: nothing resists
  project.write({ 'layers/20_app/build-layer': buildLayer(`rm -rf ${CACHE}/pinned; ls ${CACHE}`, HINTS) });
  const built = await project.build();
  assert.equal(built.status, 0, built.told);
});

test('what cannot be removed is reported, and stops nothing', async () => {
  await using project = new TestProject({ 'layers/10_base/modify-disk': tinyDisk({ size: '32M' }) });
  const place = project.path('.vlb/runs/999999999-1.00000000-0/mounted');
  mkdirSync(place, { recursive: true });
  runAsRoot('mount', '-t', 'tmpfs', 'tmpfs', place);
  try {
    const built = await project.build();
    assert.equal(built.status, 0, built.told);
    assert.match(built.told, /runs\/999999999-1\.00000000-0 cannot be removed: .*mounted.*findmnt/);
    const cleaned = await project.vlb(['doctor', '--clean']);
    assert.equal(cleaned.status, 3, cleaned.stdout);
    assert.match(cleaned.stderr, /cannot be removed/);
  } finally {
    runAsRoot('umount', place);
  }
  assert.equal((await project.vlb(['doctor', '--clean'])).status, 0);
  assert.deepEqual(leftovers(project), []);
});
