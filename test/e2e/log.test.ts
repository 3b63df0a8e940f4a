// vlb log: the last run, those before it, one that still runs, and one that never ran here.

import assert from 'node:assert/strict';
import { existsSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { TestProject } from '../rig/project.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

const BASE = { 'layers/10_base/modify-disk': tinyDisk() };

test('the log of the last run, of those before it, and where it is', async () => {
  await using project = new TestProject({ ...BASE, 'layers/20_app/build-layer': buildLayer('true') });
  const none = await project.vlb(['log', 'app']);
  assert.equal(none.status, 2);
  assert.match(none.stderr, /there is no log of 20_app: it has not run\n {2}help: run it: vlb build 20_app/);

  for (let run = 1; run <= 7; run++) {
    // Those that fail count too.
    project.write({
      'layers/20_app/build-layer': buildLayer(`printf 'run ${run}\\n\\001'; exit ${run % 2}`),
    });
    assert.equal((await project.build()).status, run % 2);
  }
  assert.equal((await project.vlb(['log', 'app'])).stdout, 'run 7\n\u0001');
  assert.equal((await project.vlb(['log', '20_app~1'])).stdout, 'run 6\n\u0001');
  assert.equal((await project.vlb(['log', 'app~4'])).stdout, 'run 3\n\u0001');
  const gone = await project.vlb(['log', 'app~5']);
  assert.equal(gone.status, 2);
  assert.match(
    gone.stderr,
    /no log of 20_app from 5 runs ago\n {2}help: 5 of its logs are kept, of at most 5/,
  );
  assert.equal((await project.vlb(['log', 'app', '--path'])).stdout, '.vlb/logs/20_app.log\n');
  assert.equal((await project.vlb(['log', '-f', 'app'])).stdout, 'run 7\n\u0001');
  assert.match(
    (await project.vlb(['log', 'ap'])).stderr,
    /no layer named "ap"\n {2}help: did you mean 20_app\?/,
  );
});

test('of a build that was restored, the log is that of the store', async () => {
  const files = { ...BASE, 'layers/20_app/build-layer': buildLayer('echo built elsewhere') };
  await using project = new TestProject(files);
  await using other = new TestProject(files);
  const store = project.path('store');
  assert.equal((await project.build(['--cache-dir', store])).status, 0);
  assert.equal((await other.build(['--cache-dir', store])).outcomes, '10_base restored, 20_app restored');
  const log = await other.vlb(['log', 'app', '--cache-dir', store]);
  assert.equal(log.stdout, 'built elsewhere\n');
  const where = await other.vlb(['log', 'app', '--path', '--cache-dir', store]);
  const file = path.resolve(other.directory, where.stdout.trim());
  assert.equal(path.dirname(realpathSync(file)), path.join(realpathSync(store), 'keys'));
});

test('-f prints what comes, and ends with the run, well or not', async () => {
  await using project = new TestProject({
    ...BASE,
    'layers/20_app/build-layer': buildLayer('echo one; sleep 2; echo two; sleep 1; echo three; exit 1'),
  });
  const building = project.build();
  while (!existsSync(project.path('.vlb/logs/20_app.log'))) await sleep(20);
  const seen: { text: string; at: number }[] = [];
  const followed = await project.vlb(['log', '-f', 'app'], {
    onStdout: (text) => seen.push({ text, at: performance.now() }),
  });
  assert.equal(followed.status, 0);
  assert.equal(followed.stdout, 'one\ntwo\nthree\n');
  assert.ok(seen.length > 1, 'it came piece by piece');
  assert.equal((await building).status, 1);
});

test('-f of a run whose vlb was killed ends', async () => {
  await using project = new TestProject({
    ...BASE,
    'layers/20_app/build-layer': buildLayer('echo one; sleep 600'),
  });
  const killed = await project.build([], {
    onStdout: (text, kill) => {
      if (text.includes('"line":"one"')) kill('SIGKILL');
    },
  });
  assert.equal(killed.status, null);
  assert.equal((await project.vlb(['log', '-f', 'app'])).stdout, 'one\n');
});
