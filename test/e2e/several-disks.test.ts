// Layers with several disks: made, mounted, changed one at a time, found again, looked at and exported.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, lstatSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import path from 'node:path';
import { after, test } from 'node:test';
import { leftovers } from '../rig/host-state.ts';
import { TestProject } from '../rig/project.ts';
import { buildLayer, tinyWithData } from '../rig/tiny.ts';

/** What a script sees of the disks. */
const LOOK =
  'echo "nodes $(find /dev -type b | wc -l)"; [ -b "$VLB_DISK_DATA" ] && [ -b "$VLB_DISK_DATA"p1 ]';

const LAYERS = {
  'layers/10_base/modify-disk': tinyWithData(),
  'layers/20_data/build-layer': buildLayer(`echo first > /srv/file; ${LOOK}`),
  'layers/30_root/build-layer': buildLayer('cat /srv/file > /copy; cat /copy'),
  'layers/40_steps/layer.yaml': 'steps:\n  - run: cat /srv/file\n  - run: touch /made\n',
  'vlb.yaml':
    'machines:\n  web:\n    disks: [{ image: 40_steps }]\n    os: generic\n    exports: [libvirt]\n',
};

const project = new TestProject(LAYERS);
after(async () => project[Symbol.asyncDispose]());

/** The digest that a link in build/ leads to; undefined without one. */
function linked(title: string): string | undefined {
  const link = project.path(`build/${title}.qcow2`);
  return existsSync(link) ? path.basename(readlinkSync(link), '.qcow2') : undefined;
}

const ALL = ['10_base', '20_data', '30_root', '40_steps', 'image'];

test('a layer writes to the disk that its system mounts; one that does not adds nothing for it', async () => {
  const built = await project.build();
  assert.equal(built.status, 0, built.told);
  assert.match(built.output, /^first$/m);
  assert.match(built.output, /^nodes 4$/m);
  const [base, data, ...others] = ALL.map((name) => linked(`${name}.data`));
  assert.ok(base !== undefined && data !== undefined);
  assert.notEqual(data, base);
  assert.deepEqual(others, [data, data, data]);
  assert.equal(new Set(ALL.map((name) => linked(name))).size, 4);
  assert.deepEqual(leftovers(project), []);
});

test('with nothing to do, nothing is done; a link that was removed is made again, and an edit runs what depends on it', async () => {
  const fresh = await project.build();
  assert.deepEqual(
    fresh.finished?.counts,
    { fresh: 4, restored: 0, built: 0, failed: 0, skipped: 0 },
    fresh.told,
  );
  rmSync(project.path('build/20_data.data.qcow2'));
  const restored = await project.build();
  assert.deepEqual(
    restored.finished?.counts,
    { fresh: 3, restored: 1, built: 0, failed: 0, skipped: 0 },
    restored.told,
  );
  const before = linked('image.data');
  project.write({ 'layers/20_data/build-layer': buildLayer('echo second > /srv/file') });
  const edited = await project.build();
  assert.deepEqual(
    edited.finished?.counts,
    { fresh: 1, restored: 0, built: 3, failed: 0, skipped: 0 },
    edited.told,
  );
  assert.match(edited.output, /^second$/m);
  assert.notEqual(linked('image.data'), before);
  project.write({ 'layers/20_data/build-layer': LAYERS['layers/20_data/build-layer'] });
  const back = await project.build();
  assert.deepEqual(
    back.finished?.counts,
    { fresh: 1, restored: 3, built: 0, failed: 0, skipped: 0 },
    back.told,
  );
  assert.equal(linked('image.data'), before);
});

test('what a modify-disk writes to one disk alone is another artifact, and what depends on it runs again', async () => {
  const write = (text: string) => `#!/bin/sh
# vlb: disk-size 256M
set -eu
mkdir "$TMPDIR/data"
mount "$VLB_DISK_DATA"p1 "$TMPDIR/data"
echo ${text} > "$TMPDIR/data/file"
umount "$TMPDIR/data"
`;
  const layer = 'layers/15_write/modify-disk';
  const images: (string | undefined)[] = [];
  for (const text of ['third', 'fourth']) {
    project.write({ [layer]: write(text), 'layers/20_data/build-layer': buildLayer('cat /srv/file') });
    const built = await project.build();
    assert.equal(built.status, 0, built.told);
    assert.match(built.output, new RegExp(`^${text}$`, 'm'));
    images.push(linked('15_write.data'));
  }
  assert.notEqual(images[0], images[1]);
  rmSync(project.path('layers/15_write'), { recursive: true });
  project.write({ 'layers/20_data/build-layer': LAYERS['layers/20_data/build-layer'] });
  assert.equal((await project.build()).status, 0);
});

test('a shell, a comparison and the saved disks of a failure have all disks', async () => {
  const shell = await project.vlb(['shell', '20_data', '--', 'cat', '/srv/file']);
  assert.equal(shell.stdout, 'first\n', shell.stderr);
  const diff = await project.vlb(['diff', '10_base', '20_data', '--json']);
  assert.match(diff.stdout, /"\/?srv\/file"/, diff.stderr);
  project.write({ 'layers/50_fails/build-layer': buildLayer('echo broken > /srv/file; exit 3') });
  const failed = await project.build();
  assert.equal(failed.status, 1, failed.told);
  const left = await project.vlb(['shell', '--failed', '50_fails', '--', 'cat', '/srv/file']);
  assert.equal(left.stdout, 'broken\n', left.stderr);
  assert.deepEqual(readdirSync(project.path('.vlb/failed')).toSorted(), [
    '50_fails.data.qcow2',
    '50_fails.qcow2',
  ]);
  rmSync(project.path('layers/50_fails'), { recursive: true });
  assert.deepEqual(leftovers(project), []);
});

test('whatever the files on a disk are called, a layer that does not write to it is built', async () => {
  const [odd, after] = ['layers/50_odd/build-layer', 'layers/60_after/build-layer'];
  project.write({ [odd]: buildLayer('rm /srv/file\n> "/srv/a\n"'), [after]: buildLayer('true') });
  const built = await project.build();
  assert.equal(built.status, 0, built.told);
  assert.equal(linked('60_after.data'), linked('50_odd.data'));
  for (const layer of ['50_odd', '60_after']) rmSync(project.path('layers', layer), { recursive: true });
  assert.equal((await project.build()).status, 0);
});

test('the store is intact, and keeps all that is in place; a lost disk is built again', async () => {
  const verified = await project.vlb(['store', 'verify']);
  assert.equal(verified.status, 0, verified.stdout + verified.stderr);
  const listed = await project.vlb(['store', 'ls']);
  assert.match(listed.stdout, new RegExp(`20_data .*${linked('20_data.data')?.slice(0, 12)}`), listed.stderr);
  const collected = await project.vlb(['store', 'gc', '--max-size', '1K']);
  assert.equal(collected.status, 0, collected.stderr);
  const kept = await project.build();
  assert.deepEqual(
    kept.finished?.counts,
    { fresh: 4, restored: 0, built: 0, failed: 0, skipped: 0 },
    kept.told,
  );
  rmSync(project.path(`.vlb/store/sha256/${linked('20_data.data')}.qcow2`));
  const rebuilt = await project.build();
  assert.equal(rebuilt.status, 0, rebuilt.told);
  assert.deepEqual(
    rebuilt.finished?.counts,
    { fresh: 1, restored: 0, built: 3, failed: 0, skipped: 0 },
    rebuilt.told,
  );
});

test('a machine is exported with all disks, and an image is flattened with all', async () => {
  const exported = await project.vlb(['export']);
  assert.equal(exported.status, 0, exported.stderr);
  const place = project.path('build/export/web/libvirt');
  const disks = readdirSync(place).filter((name) => name.endsWith('.qcow2'));
  assert.equal(disks.length, 2, disks.join(' '));
  const xml = readFileSync(path.join(place, 'web.xml'), 'utf8');
  for (const disk of disks) assert.ok(xml.includes(disk), xml);
  const flattened = await project.build(['--flatten']);
  assert.equal(flattened.status, 0, flattened.told);
  for (const name of ['image', 'image.data']) {
    const file = project.path(`build/${name}.qcow2`);
    assert.ok(lstatSync(file).isFile(), name);
    const info: { 'backing-filename'?: string } = JSON.parse(
      execFileSync('qemu-img', ['info', '--output=json', file], { encoding: 'utf8' }),
    );
    assert.equal(info['backing-filename'], undefined);
  }
});

test('a disk that would shrink, and one that has a wrong name, are errors with their places', async () => {
  for (const [hint, message] of [
    [
      'disk data 32M',
      /the disk data of layer 50_more is smaller than the disk of its parent \(67108864 bytes\)/,
    ],
    ['disk main 32M', /requires a name of small letters/],
    ['disk data', /requires a name of small letters/],
  ] as const) {
    project.write({ 'layers/50_more/build-layer': `#!/bin/sh\n# vlb: ${hint}\ntrue\n` });
    const wrong = await project.vlb(['build']);
    assert.notEqual(wrong.status, 0);
    assert.match(wrong.stderr, message);
    assert.match(wrong.stderr, /layers\/50_more\/build-layer/);
  }
  project.write({ 'layers/50_more/build-layer': buildLayer('# vlb: disk data 96M\ntrue') });
  const grown = await project.build();
  assert.equal(grown.status, 0, grown.told);
  assert.deepEqual(leftovers(project), []);
});
