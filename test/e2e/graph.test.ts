// Branches, layers that look into others, and several at once.

import assert from 'node:assert/strict';
import { existsSync, readlinkSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import type { BuildEvent } from '../../src/model/event.ts';
import { checkFileSystem, leftovers, readFromImage } from '../rig/host-state.ts';
import { TestProject } from '../rig/project.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

/** Outcomes in the order of names, since parallel layers end in any. */
function sorted(outcomes: string): string {
  return outcomes.split(', ').sort().join(', ');
}

test('two images from one parent; targets build just what they need', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_web/build-layer': buildLayer('echo web > /role'),
    'layers/30_db/build-layer': buildLayer('echo db > /role', '# vlb: from base'),
  });
  const web = await project.build(['web']);
  assert.equal(web.outcomes, '10_base built, 20_web built', web.told);
  assert.equal(existsSync(project.path('build/30_db.qcow2')), false);
  const all = await project.build();
  assert.equal(sorted(all.outcomes), '10_base fresh, 20_web fresh, 30_db built', all.told);
  const scratch = path.dirname(project.directory);
  assert.equal(readFromImage(project.path('build/20_web.qcow2'), scratch, '/role'), 'web\n');
  assert.equal(readFromImage(project.path('build/30_db.qcow2'), scratch, '/role'), 'db\n');
  assert.equal(
    readlinkSync(project.path('build/image.qcow2')),
    readlinkSync(project.path('build/30_db.qcow2')),
    'the image is the leaf of the highest number',
  );
});

test('vlb.yaml names images: links beside the others, gone with their names, and names for build and test-boot', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_web/build-layer': buildLayer('echo web > /role'),
    'layers/30_postgres/build-layer': buildLayer('echo db > /role', '# vlb: from base'),
    'vlb.yaml': 'images:\n  site: web\n  db: 30_postgres\n',
  });
  const scratch = path.dirname(project.directory);
  const role = (name: string) => readFromImage(project.path('build', name), scratch, '/role');
  const only = await project.vlb(['build', 'db', '--progress', 'plain']);
  assert.equal(only.status, 0, only.stderr);
  assert.match(only.stdout, /^image: build\/db\.qcow2 {2}\S+ \S+\nimage: build\/image\.qcow2 {2}\S+ \S+\n$/);
  assert.doesNotMatch(only.stderr, /20_web|image:/);
  assert.equal(existsSync(project.path('build/site.qcow2')), false, 'was not asked for');
  const forced = await project.vlb(['build', '-n', '--force=db', 'db']);
  assert.equal(forced.stdout, 'fresh   10_base\nrun     30_postgres  forced\n', forced.stderr);
  const all = await project.build();
  assert.equal(sorted(all.outcomes), '10_base fresh, 20_web built, 30_postgres fresh', all.told);
  assert.deepEqual(
    all.finished?.images?.map(({ file }) => file),
    ['build/site.qcow2', 'build/db.qcow2'],
  );
  assert.equal(role('site.qcow2'), 'web\n');
  assert.equal(role('db.qcow2'), 'db\n');

  project.write({ 'vlb.yaml': 'images:\n  database: postgres\n' });
  assert.equal((await project.build()).status, 0);
  assert.equal(existsSync(project.path('build/site.qcow2')), false);
  assert.equal(existsSync(project.path('build/db.qcow2')), false);
  assert.equal(role('database.qcow2'), 'db\n');
  assert.equal(role('20_web.qcow2'), 'web\n');

  project.write({ 'vlb.yaml': '# first\nimages:\n  database: postgers\n' });
  const unknown = await project.vlb(['build']);
  assert.equal(unknown.status, 2);
  assert.match(
    unknown.stderr,
    /images\.database: no layer named "postgers"\n {2}at vlb\.yaml:3\n.*did you mean 30_postgres\?/,
  );
});

test('test-boot takes an image or a layer by its name; a file of that name goes first', async () => {
  await using project = new TestProject({
    'build/web.qcow2': '',
    'build/30_db.qcow2': '',
    '30_db/build-layer': '',
  });
  for (const [name, says] of [
    ['web', /it is empty\n {2}at build\/web\.qcow2/],
    ['db', /it is empty\n {2}at build\/30_db\.qcow2/],
    ['30_db', /it is empty\n {2}at build\/30_db\.qcow2/],
    ['wbe', /neither a file, an image nor a layer "wbe" to boot\n.*\n.*did you mean web\?/],
    ['./web', /image not found\n {2}at web$/m],
  ] as const) {
    const ended = await project.vlb(['test-boot', name, '--check']);
    assert.equal(ended.status, 2, ended.stderr);
    assert.match(ended.stderr, says);
  }
  project.write({ web: '' });
  assert.match((await project.vlb(['test-boot', 'web', '--check'])).stderr, /it is empty\n {2}at web$/m);
});

test('a diamond builds in parallel and rebuilds the least possible after each edit', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_left/build-layer': buildLayer('mkdir /out; cp what /out/left'),
    'layers/20_left/what': 'left\n',
    'layers/30_right/build-layer': buildLayer('mkdir /out; cp what /out/right', '# vlb: from base'),
    'layers/30_right/what': 'right\n',
    'layers/40_both/build-layer': buildLayer(
      'cat /l/out/left /r/out/right | tee /joined; touch /l/x 2>/dev/null && exit 1; echo done',
      '# vlb: from base\n# vlb: mount left /l\n# vlb: mount 30_right /r',
    ).replace('set -eu', 'set -eu; ln -sf busybox /bin/tee'),
  });
  const first = await project.build();
  assert.equal(first.status, 0, first.told);
  assert.match(first.output, /left\nright\ndone/);
  const scratch = path.dirname(project.directory);
  const image = project.path('build/image.qcow2');
  assert.equal(readFromImage(image, scratch, '/joined'), 'left\nright\n');
  assert.equal(readFromImage(image, scratch, '/l'), undefined, 'no mount point remains');
  assert.equal(checkFileSystem(image, scratch), '');
  assert.deepEqual(leftovers(project), []);
  assert.match((await project.build()).outcomes, /^(\d+_\w+ fresh(, )?){4}$/);

  for (const [edit, outcomes] of [
    ['20_left/what', '10_base fresh, 20_left built, 30_right fresh, 40_both built'],
    ['30_right/what', '10_base fresh, 20_left fresh, 30_right built, 40_both built'],
    ['40_both/more', '10_base fresh, 20_left fresh, 30_right fresh, 40_both built'],
    ['10_base/more', '10_base built, 20_left built, 30_right built, 40_both built'],
  ] as const) {
    project.write({ [`layers/${edit}`]: 'edited\n' });
    const built = await project.build();
    assert.equal(sorted(built.outcomes), outcomes, built.told);
  }
});

test('independent layers run at the same time, up to --jobs', async () => {
  for (const [jobs, most, each] of [
    ['2', 2, 5],
    ['1', 1, 1],
  ] as const) {
    await using project = new TestProject({
      'layers/10_base/modify-disk': tinyDisk(),
      'layers/20_a/build-layer': buildLayer(`sleep ${each}`),
      'layers/30_b/build-layer': buildLayer(`sleep ${each}; true`, '# vlb: from base'),
    });
    const built = await project.build(['--jobs', jobs]);
    assert.equal(built.status, 0, built.told);
    assert.equal(mostAtOnce(built.events), most);
    // Less than one behind the other, on a busy machine too.
    if (most === 2) assert.ok((built.finished?.seconds ?? 99) < 2 * each, `${built.finished?.seconds} s`);
  }
});

test('a failure stops what runs beside it; with -k only what needs it is left out', async () => {
  const layers = {
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_bad/build-layer': buildLayer('sleep 0.5; exit 3'),
    'layers/30_child/build-layer': buildLayer('true'),
    'layers/40_slow/build-layer': buildLayer('sleep 60', '# vlb: from base'),
  };
  await using project = new TestProject(layers);
  const stopped = await project.build(['-j', '2']);
  assert.equal(stopped.status, 1, stopped.told);
  assert.equal(sorted(stopped.outcomes), '10_base built, 20_bad failed, 30_child skipped, 40_slow skipped');
  assert.ok((stopped.finished?.seconds ?? 99) < 30);
  assert.deepEqual(leftovers(project), []);

  project.write({ 'layers/40_slow/build-layer': buildLayer('sleep 1', '# vlb: from base') });

  const kept = await project.build(['-k']);
  assert.equal(kept.status, 1, kept.told);
  assert.equal(sorted(kept.outcomes), '10_base fresh, 20_bad failed, 30_child skipped, 40_slow built');
});

test('with -k every failure is told at the end, with its log and what was left out because of it', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_bad/build-layer': buildLayer('echo first; exit 3'),
    'layers/30_child/build-layer': buildLayer('true'),
    'layers/40_worse/build-layer': buildLayer('sleep 1; echo second; exit 4', '# vlb: from base'),
    'layers/50_child/build-layer': buildLayer('true'),
    'layers/60_grandchild/build-layer': buildLayer('true'),
  });
  const ended = await project.vlb(['build', '-k', '-j', '2', '--progress', 'plain']);
  assert.equal(ended.status, 1, ended.stderr);
  assert.match(
    ended.stderr,
    new RegExp(
      [
        'error: layer 20_bad: build-layer failed with exit status 3',
        '  at layers/20_bad/build-layer',
        '  \\| first',
        '  log: .vlb/logs/20_bad.log',
        '  look: vlb shell --failed 20_bad',
        '  skipped: 30_child',
        'error: layer 40_worse: build-layer failed with exit status 4',
        '  at layers/40_worse/build-layer',
        '  \\| second',
        '  log: .vlb/logs/40_worse.log',
        '  look: vlb shell --failed 40_worse',
        '  skipped: 50_child, 60_grandchild',
        '1 built, 0 restored, 0 fresh, 2 failed, 3 skipped in .*\n$',
      ].join('\n'),
    ),
  );
  const { finished } = await project.build(['-k', '-j', '1']);
  assert.deepEqual(
    finished?.failures.map(({ layer, skipped }) => [layer, skipped]),
    [
      ['40_worse', ['50_child', '60_grandchild']], // the longest path goes first
      ['20_bad', ['30_child']],
    ],
  );
  assert.deepEqual(finished?.failure, finished?.failures[0]?.failure);
});

test('a circle and an unknown name are told with their place', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_a/build-layer': buildLayer('true', '# vlb: from 30_b'),
    'layers/30_b/build-layer': buildLayer('true', '# vlb: from 20_a'),
  });
  const circle = await project.vlb(['build']);
  assert.equal(circle.status, 2);
  assert.match(circle.stderr, /20_a → 30_b → 20_a/);
  project.write({ 'layers/30_b/build-layer': buildLayer('true', '# vlb: mount bsae /x') });
  const unknown = await project.vlb(['build']);
  assert.equal(unknown.status, 2);
  assert.match(unknown.stderr, /at layers\/30_b\/build-layer:2\n.*did you mean 10_base\?/s);
});

/** How many layers' scripts were under way at the same time, at most. */
function mostAtOnce(events: readonly BuildEvent[]): number {
  let now = 0;
  let most = 0;
  for (const event of events) {
    if (event.type === 'layer-started') most = Math.max(most, ++now);
    if (event.type === 'layer-finished' && event.outcome === 'built') now--;
  }
  return most;
}
