// Images with parameters of their own: one layer, built once for each, and what they share is built once.

import assert from 'node:assert/strict';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { readFromImage } from '../rig/host-state.ts';
import { TestProject } from '../rig/project.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

const IMAGES = `
images:
  web: { layer: 20_app, params: { ROLE: web } }
  db:
    layer: app
    params: { ROLE: 5 }
`;

test('images with parameters build one layer several times, and share the rest', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk({ size: '64M' }),
    'layers/20_app/build-layer': buildLayer('echo "$ROLE" > /role', '# vlb: param ROLE'),
    'vlb.yaml': IMAGES,
  });
  const role = (image: string) =>
    readFromImage(project.path('build', image), path.dirname(project.directory), '/role');
  const built = await project.build(['--jobs', '1']);
  assert.equal(built.outcomes, '10_base built, 20_app@web built, 20_app@db built', built.told);
  assert.equal(role('web.qcow2'), 'web\n');
  assert.equal(role('db.qcow2'), '5\n');
  assert.equal(existsSync(project.path('build/image.qcow2')), false);
  assert.deepEqual(
    built.finished?.images?.map(({ file }) => file),
    ['build/web.qcow2', 'build/db.qcow2'],
  );
  assert.equal((await project.build()).outcomes, '10_base fresh, 20_app@web fresh, 20_app@db fresh');

  // The same values are the same key, wherever they are from.
  const given = await project.build(['-p', 'ROLE=web']);
  assert.equal(given.outcomes, '10_base fresh, 20_app restored', given.told);
  assert.equal(role('image.qcow2'), 'web\n');
  // With that value for all, there was no variant, and no link to one.
  assert.equal((await project.build(['db'])).outcomes, '10_base fresh, 20_app@db restored');

  assert.equal((await project.build()).outcomes, '10_base fresh, 20_app@web restored, 20_app@db fresh');
  const log = await project.vlb(['shell', 'web', '--', 'cat', '/role']);
  assert.equal(log.stdout, 'web\n', log.stderr);
  const diff = await project.vlb(['diff', 'web', 'db']);
  assert.match(diff.stdout, /\/role/);

  project.write({ 'vlb.yaml': IMAGES.replace('  db:\n    layer: app\n    params: { ROLE: 5 }\n', '') });
  await project.build();
  assert.equal(existsSync(project.path('build/db.qcow2')), false);
  assert.equal(existsSync(project.path('build/20_app@db.qcow2')), false);
  assert.equal(existsSync(project.path('build/image.qcow2')), false);
});

test('a machine with parameters has disks of its own, which are built, exported and booted', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk({ size: '64M' }),
    'layers/20_app/build-layer': buildLayer('echo "$ROLE" > /role', '# vlb: param ROLE=none'),
    'vlb.yaml': 'include: [machines.yaml]\nimages:\n  site: { layer: app, params: { ROLE: web } }\n',
    'machines.yaml': `machines:
  web: { disks: [{ image: site }, { name: data, image: 10_base }], params: { ROLE: db }, exports: [raw] }
  same: { disks: [{ image: app }], params: { ROLE: web } }
`,
  });
  const built = await project.build(['--jobs', '1']);
  assert.equal(
    built.outcomes,
    '10_base built, 20_app built, 20_app@site built, 20_app@web built',
    built.told,
  );
  const exported = await project.vlb(['export', 'web']);
  assert.equal(exported.status, 0, exported.stderr);
  const role = (...file: readonly string[]) =>
    readFromImage(project.path(...file), path.dirname(project.directory), '/role');
  assert.equal(role('build/export/web/raw/web.raw'), 'db\n');
  assert.equal(role('build/site.qcow2'), 'web\n');
  assert.equal(role('build/image.qcow2'), 'none\n');
  // What boots has no boot loader, and says so of the right file.
  const { stderr } = await project.vlb([
    '--trace',
    project.path('trace'),
    'test-boot',
    'web',
    '--check',
    '--timeout',
    '60',
  ]);
  assert.match(stderr, /nothing to boot from/);
  assert.ok(
    readFileSync(project.path('trace'), 'utf8').includes(
      realpathSync(project.path('build/20_app@web.qcow2')),
    ),
  );
});
