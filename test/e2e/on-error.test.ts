// --on-error shell, and vlb shell, at a terminal: the prompt, job control, ^C, sizes, and the end of the build.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { leftovers } from '../rig/host-state.ts';
import { TestProject, VLB } from '../rig/project.ts';
import { Terminal } from '../rig/terminal.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

/** Nothing follows it: it waits to be typed at. */
const PROMPT = /\[20_app: changes are discarded\] #$/;

test('a failure leads to a shell on the disk that the script left; then the build fails as usual', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk({
      more: 'ln -s busybox "$root/bin/stty"; ln -s busybox "$root/bin/tty"',
    }),
    'layers/20_app/build-layer': buildLayer('cp own /made; echo about to fail; exit 7'),
    'layers/20_app/own': 'own\n',
    // It is stopped before the shell opens.
    'layers/30_other/build-layer': buildLayer('sleep 600', '# vlb: from base'),
  });
  using terminal = new Terminal(project.directory);
  terminal.type(`${VLB} build --jobs 2 --on-error shell; echo "status $?"`);
  const opened = await terminal.shows(PROMPT);
  assert.match(opened, /skipped {2}30_other/);
  assert.match(opened, /error: layer 20_app: build-layer failed with exit status 7/);
  assert.match(
    opened,
    /\| about to fail\n {2}log: \.vlb\/logs\/20_app\.log\n {2}look: vlb shell --failed 20_app/,
  );
  assert.match(opened, /note: this is 20_app as its script left it; leave with "exit" or \^D/);

  terminal.type('pwd; cat /made; tty; stty size; echo "$TERM"; touch /typed');
  await terminal.shows(/^\/mnt\nown\n\/dev\/console\n30 100\n(?:tmux|screen).*$/m);
  terminal.resize(60, 20);
  terminal.type('stty size');
  await terminal.shows(/^20 60$/m);
  // ^C is for what runs in the shell, not for the build.
  terminal.type('sleep 600; echo "slept $?"');
  await terminal.shows(/^\[20_app.*sleep 600; echo/m);
  terminal.press('C-c');
  terminal.type('sleep 601 & fg');
  await terminal.shows(/^sleep 601$/m);
  terminal.press('C-z');
  await terminal.shows(/Stopped/);
  terminal.type('kill -KILL %1; sleep 0.2; jobs');
  await terminal.shows(/Killed/);
  terminal.type('exit 3');

  const ended = await terminal.shows(/^status \d+$/m);
  assert.match(ended, /exit 3\nerror: layer 20_app: build-layer failed with exit status 7/);
  assert.match(ended, /0 restored, 0 fresh, 1 failed, 1 skipped in .*\nstatus 1$/m);
  assert.deepEqual(leftovers(project), []);

  terminal.type('clear');
  terminal.type(`${VLB} shell --failed app; echo "status $?"`);
  await terminal.shows(PROMPT);
  terminal.type('ls /typed /made; exit 4');
  const again = await terminal.shows(/^status \d+$/m);
  assert.match(again, /\/typed: No such file/);
  assert.match(again, /^\/made\nstatus 4$/m);
  assert.doesNotMatch(again, /failed with exit status 7/);
  assert.deepEqual(leftovers(project), []);
});

test('a command at a terminal is interrupted by ^C, and the terminal is as before', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_app/build-layer': buildLayer('true'),
  });
  assert.equal((await project.build()).status, 0);
  using terminal = new Terminal(project.directory);
  // With the output elsewhere there is no terminal between; ^C reaches vlb too.
  for (const redirected of ['', ' >out']) {
    terminal.type(`${VLB} shell app -- sh -c 'echo begun >&2; sleep 600'${redirected}; echo "status $?"`);
    await terminal.shows(/^begun$/m);
    terminal.press('C-c');
    await terminal.shows(/^(?:\^C)?status 130$/m);
    terminal.type('stty -a | grep -o "[-]icanon" || echo canonical');
    await terminal.shows(/^canonical$/m);
    terminal.type('clear');
    await terminal.shows(/^>$/);
    assert.deepEqual(leftovers(project), []);
  }
});

test('without a terminal a failure is a failure', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_app/build-layer': buildLayer('exit 7'),
  });
  const built = await project.build(['--on-error', 'shell']);
  assert.equal(built.status, 1, built.told);
  assert.equal(built.finished?.failure?.look, 'vlb shell --failed 20_app');
  const wrong = await project.vlb(['build', '--on-error', 'panic']);
  assert.equal(wrong.status, 2);
  assert.match(wrong.stderr, /on-error/);
});
