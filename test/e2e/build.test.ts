// The straight line: build, build again, edit, put back, delete the outputs, move the project, flatten.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
} from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { checkFileSystem, leftovers, readFromImage } from '../rig/host-state.ts';
import { TestProject } from '../rig/project.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

function chain(): TestProject {
  return new TestProject({
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_app/build-layer': buildLayer('cp page /page'),
    'layers/20_app/page': 'first\n',
    'layers/30_more/build-layer': buildLayer('cat /page > /copy; rm /page'),
  });
}

test('a chain is built, is fresh the second time, and runs only what an edit touches', async () => {
  await using project = chain();
  const first = await project.build();
  assert.equal(first.outcomes, '10_base built, 20_app built, 30_more built', first.told);
  assert.equal(first.status, 0);
  assert.deepEqual(leftovers(project), []);

  const second = await project.build();
  assert.equal(second.outcomes, '10_base fresh, 20_app fresh, 30_more fresh', second.told);

  project.write({ 'layers/20_app/page': 'second\n' });
  const edited = await project.build();
  assert.equal(edited.outcomes, '10_base fresh, 20_app built, 30_more built', edited.told);
  const scratch = path.dirname(project.directory);
  assert.equal(readFromImage(project.path('build/image.qcow2'), scratch, '/copy'), 'second\n');
  assert.equal(readFromImage(project.path('build/image.qcow2'), scratch, '/page'), undefined);

  project.write({ 'layers/20_app/page': 'first\n' });
  const back = await project.build();
  assert.equal(back.outcomes, '10_base fresh, 20_app restored, 30_more restored', back.told);
  assert.equal(back.output, '');
  assert.equal(readFromImage(project.path('build/image.qcow2'), scratch, '/copy'), 'first\n');

  utimesSync(project.path('layers/20_app/page'), 1, 1);
  assert.equal((await project.build()).outcomes, '10_base fresh, 20_app fresh, 30_more fresh');

  for (const layer of ['10_base', '20_app', '30_more']) {
    assert.equal(checkFileSystem(project.path(`build/${layer}.qcow2`), scratch), '', layer);
  }
});

test('outputs are relative links; deleted ones come back without a run, and the project can be moved', async () => {
  await using project = chain();
  const first = await project.build();
  assert.equal(first.status, 0, first.told);
  assert.match(
    readlinkSync(project.path('build/image.qcow2')),
    /^\.\.\/\.vlb\/store\/sha256\/[0-9a-f]{64}\.qcow2$/,
  );
  assert.match(readlinkSync(project.path('build/20_app.qcow2')), /^\.\.\//);

  rmSync(project.path('build'), { recursive: true });
  const relinked = await project.build();
  assert.equal(relinked.outcomes, '10_base restored, 20_app restored, 30_more restored', relinked.told);
  assert.equal(relinked.output, '');

  const moved = path.join(path.dirname(project.directory), 'elsewhere', 'deeper');
  execFileSync('mkdir', ['-p', path.dirname(moved)]);
  renameSync(project.directory, moved);
  execFileSync('qemu-img', ['check', '-q', path.join(moved, 'build/image.qcow2')]);
  const images: { filename: string }[] = JSON.parse(
    execFileSync(
      'qemu-img',
      ['info', '--backing-chain', '--output=json', path.join(moved, 'build/image.qcow2')],
      {
        encoding: 'utf8',
      },
    ),
  );
  assert.equal(images.length, 3);
  renameSync(moved, project.directory);
  assert.equal((await project.build()).outcomes, '10_base fresh, 20_app fresh, 30_more fresh');
});

test('--last builds up to a layer and makes it the image', async () => {
  await using project = chain();
  const built = await project.build(['--last', 'app']);
  assert.equal(built.outcomes, '10_base built, 20_app built', built.told);
  assert.equal(
    readlinkSync(project.path('build/image.qcow2')),
    readlinkSync(project.path('build/20_app.qcow2')),
  );
  assert.equal(existsSync(project.path('build/30_more.qcow2')), false);
});

test('--flatten makes one file that stands alone, and does nothing the second time', async () => {
  await using project = chain();
  const built = await project.build(['--flatten']);
  assert.equal(built.status, 0, built.told);
  const image = project.path('build/image.qcow2');
  assert.equal(lstatSync(image).isFile(), true);
  const info = JSON.parse(execFileSync('qemu-img', ['info', '--output=json', image], { encoding: 'utf8' }));
  assert.equal(info['backing-filename'], undefined);
  const scratch = path.dirname(project.directory);
  assert.equal(readFromImage(image, scratch, '/copy'), 'first\n');
  const before = statSync(image).mtimeMs;
  assert.equal((await project.build(['--flatten'])).status, 0);
  assert.equal(statSync(image).mtimeMs, before);

  project.write({ 'layers/20_app/page': 'other\n' });
  assert.equal((await project.build(['--flatten'])).status, 0);
  assert.equal(readFromImage(image, scratch, '/copy'), 'other\n');

  assert.equal((await project.build()).status, 0);
  assert.equal(lstatSync(image).isSymbolicLink(), true);
  assert.deepEqual(
    readdirSync(project.path('build')).filter((name) => name.startsWith('.')),
    [],
  );
});

test('what a nocache layer makes is in place but never in the keyed store, and neither is what stands on it', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_stamp/build-layer': buildLayer('cat /proc/uptime > /stamp', '# nocache'),
    'layers/30_app/build-layer': buildLayer('cp /stamp /app'),
  });
  const first = await project.build();
  assert.equal(first.outcomes, '10_base built, 20_stamp built, 30_app built', first.told);
  const notes = first.events.flatMap((event) => (event.type === 'note' ? [event.message] : []));
  assert.deepEqual(notes, ['30_app cannot be cached: built on 20_stamp, which is nocache']);
  const records = readdirSync(project.path('.vlb/store/keys')).filter((name) => name.endsWith('.json'));
  assert.equal(records.length, 1);
  assert.equal((await project.build()).outcomes, '10_base fresh, 20_stamp fresh, 30_app fresh');

  project.write({ 'layers/20_stamp/build-layer': buildLayer('echo other > /stamp', '# nocache') });
  const edited = await project.build();
  assert.equal(edited.outcomes, '10_base fresh, 20_stamp built, 30_app built', edited.told);
  const kept = readdirSync(project.path('.vlb/store/sha256')).filter((name) => name.startsWith('uncached-'));
  assert.equal(kept.length, 2, 'superseded ones are gone');
  execFileSync('qemu-img', ['check', '-q', project.path('build/image.qcow2')]);
});

test('an edit while the layer runs ends under the key of what was built, and the next build sees the edit', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_app/build-layer': buildLayer('echo started; sleep 0.5; cp page /page'),
    'layers/20_app/page': 'old\n',
  });
  const first = await project.build([], {
    onStdout: (text) => {
      if (text.includes('"started"')) project.write({ 'layers/20_app/page': 'new\n' });
    },
  });
  assert.equal(first.status, 0, first.told);
  const scratch = path.dirname(project.directory);
  assert.equal(readFromImage(project.path('build/image.qcow2'), scratch, '/page'), 'old\n');
  const second = await project.build();
  assert.equal(second.outcomes, '10_base fresh, 20_app built', second.told);
  assert.equal(readFromImage(project.path('build/image.qcow2'), scratch, '/page'), 'new\n');
});
