// Directories that are kept between builds, outside of the image and of the key.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { leftovers, readFromImage } from '../rig/host-state.ts';
import { TestProject } from '../rig/project.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

test('what a layer leaves in its cache is there for the next, and not in the image', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_app/build-layer': buildLayer(
      'ls -A /var/cache/x; stat -c "%a %u" /var/cache/x; echo 1 > /var/cache/x/first',
      '# vlb: cache-dir /var/cache/x',
    ),
    'layers/30_more/build-layer': buildLayer(
      'ls -A /var/cache/x; echo 2 > /var/cache/x/second',
      '# vlb: cache-dir /var/cache/x/\n# chroot-bind-mount in /var/cache/x/in',
    ),
    'layers/30_more/in': '',
  });
  const built = await project.build();
  assert.equal(built.output, '755 0\nfirst\nin', built.told);
  const scratch = path.dirname(project.directory);
  assert.equal(readFromImage(project.path('build/image.qcow2'), scratch, '/var'), undefined);
  const caches = project.path('.vlb/store/caches');
  assert.equal(statSync(caches).mode & 0o777, 0o700);
  const names = readdirSync(caches);
  assert.match(names.join(), /^[a-z0-9]+-var-cache-x-[0-9a-f]{8}$/);
  assert.equal(readFileSync(path.join(caches, names[0] ?? '', 'second'), 'utf8'), '2\n');
  assert.equal((await project.build()).outcomes, '10_base fresh, 20_app fresh, 30_more fresh');
  const forced = await project.build(['--force=app']);
  assert.match(forced.output, /^first\nin\nsecond\n/, forced.told);
  assert.deepEqual(leftovers(project), []);
});

test('two layers at once with the same cache: one waits for the other, and says so', async () => {
  const script = (name: string) =>
    buildLayer(
      `[ ! -e /cache/busy ]; touch /cache/busy; sleep 1; rm /cache/busy; touch /cache/${name}`,
      '# vlb: cache-dir /cache',
    );
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_a/build-layer': script('a'),
    'layers/30_b/build-layer': script('b').replace('set -eu', '# vlb: from base\nset -eu'),
  });
  const built = await project.build(['-j', '2']);
  assert.equal(built.status, 0, built.told);
  const notes = built.events.flatMap((event) => (event.type === 'note' ? [event.message] : []));
  assert.match(
    notes.join('\n'),
    /^(20_a|30_b) is waiting for its cache-dir \/cache, which another layer is using$/,
  );
  assert.deepEqual(readdirSync(cacheOf(project)).sort(), ['a', 'b']);
});

test('two builds at once that share a store, and the same cache', async () => {
  await using store = new TestProject({});
  const files = (name: string) => ({
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_app/build-layer': buildLayer(
      `[ ! -e /cache/busy ]; touch /cache/busy; sleep 2; rm /cache/busy; touch /cache/${name}`,
      '# vlb: cache-dir /cache',
    ),
  });
  await using one = new TestProject(files('one'));
  await using two = new TestProject(files('two'));
  const builds = await Promise.all(
    [one, two].map((project) => project.build(['--cache-dir', store.path('store')])),
  );
  for (const built of builds) assert.equal(built.status, 0, built.told);
  assert.match(
    builds.map(({ told }) => told).join(),
    /is waiting for its cache-dir \/cache, which process \d+ is using/,
  );
});

test('a cache where the image has a file is told with the line of the hint', async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_app/build-layer': buildLayer('true', '#\n# vlb: cache-dir /etc/passwd'),
  });
  const built = await project.build();
  assert.equal(built.status, 1, built.told);
  assert.match(
    built.ended.stderr + built.finished?.failure?.message,
    /\/etc\/passwd in the image is not a directory/,
  );
  assert.equal(built.finished?.failure?.where?.line, 3);
  assert.deepEqual(leftovers(project), []);
});

function cacheOf(project: TestProject): string {
  const caches = project.path('.vlb/store/caches');
  return path.join(caches, readdirSync(caches)[0] ?? '');
}
