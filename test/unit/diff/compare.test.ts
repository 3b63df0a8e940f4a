// The comparison asks for as little as it can, and looks at one disk after the other.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { compareDisks } from '../../../src/diff/compare.ts';
import { fail, ok } from '../../../src/model/failure.ts';
import type { DiskImage, DiskViewer, Entry, OpenDisk } from '../../../src/model/ports/viewer.ts';
import { entry } from './entries.ts';

const BEFORE: DiskImage = { file: '/before', format: 'qcow2' };
const AFTER: DiskImage = { file: '/after', format: 'qcow2' };
const OPTIONS = { partitionMounts: [], fstab: 'tried' as const, whereOf: () => ({ file: '/hint' }) };

/** A viewer of disks that hold these entries; `asked` is what it was asked, in order. */
function viewer(disks: Readonly<Record<string, readonly Entry[]>>, reads: Partial<DiskViewer> = {}) {
  const asked: string[] = [];
  const say = (...words: readonly string[]) => void asked.push(words.join(' '));
  const open = (name: string): OpenDisk => ({
    isBtrfs: false,
    rootPartition: 1,
    list: async () => ok(disks[name] ?? []),
    contents: async (paths) => {
      say('read', ...paths);
      return ok(new Map(paths.map((file) => [file, `${name}${file}`])));
    },
    attributes: async (paths) => {
      say('attributes', ...paths);
      return ok(new Map());
    },
    packages: async (database, files) => {
      say(database, ...files);
      return ok(`Package: x\nStatus: install ok installed\nVersion: ${name}\n`);
    },
    read: () => assert.fail('nothing is read'),
    squash: () => assert.fail('nothing is packed'),
    archive: () => assert.fail('nothing is archived'),
    copyTree: () => assert.fail('nothing is archived'),
    copy: () => assert.fail('nothing is copied'),
    close: async () => {
      say('close', name);
      return ok();
    },
  });
  const fake: DiskViewer = {
    readsAttributes: true,
    readsRpm: false,
    open: async ({ file }) => {
      say('open', file);
      return file === '/broken' ? fail('usage', 'broken') : ok(open(file));
    },
    showTextDiff: () => assert.fail('no text is shown'),
    shell: () => assert.fail('no shell is opened'),
    [Symbol.asyncDispose]: async () => {},
    ...reads,
  };
  return { fake, asked };
}

const OLD = entry('/old');
const LATE = entry('/late', { changed: '9000.0' });

test('what was not touched is not read, on a disk that came of the other', async () => {
  const rewritten = entry('/rewritten');
  const { fake, asked } = viewer({
    '/before': [OLD, LATE, rewritten],
    '/after': [OLD, LATE, { ...rewritten, changed: '9999.0' }],
  });
  const found = await compareDisks(
    { before: BEFORE, after: AFTER, options: OPTIONS, isDescendant: true },
    fake,
  );
  assert.ok(found.ok);
  assert.deepEqual(
    found.value.files.map(({ path }) => path),
    ['/late', '/rewritten'],
  );
  assert.deepEqual(asked, [
    'open /before',
    'close /before',
    'open /after',
    'read /late /rewritten',
    'attributes /late /rewritten',
    'close /after',
    'open /before',
    'read /late /rewritten',
    'attributes /late /rewritten',
    'close /before',
  ]);
});

test('on any other disk everything of one size is read', async () => {
  const { fake, asked } = viewer({ '/before': [OLD, LATE], '/after': [OLD, LATE] });
  await compareDisks({ before: BEFORE, after: AFTER, options: OPTIONS, isDescendant: false }, fake);
  assert.deepEqual(
    asked.filter((line) => line.startsWith('read')),
    ['read /old /late', 'read /old /late'],
  );
});

test('a disk that stands on nothing is compared with nothing', async () => {
  const { fake, asked } = viewer({ '/after': [OLD, LATE] });
  const found = await compareDisks(
    { before: undefined, after: AFTER, options: OPTIONS, isDescendant: false },
    fake,
  );
  assert.ok(found.ok);
  assert.deepEqual(
    found.value.files.map(({ change, path }) => `${change} ${path}`),
    ['added /late', 'added /old'],
  );
  assert.deepEqual(
    asked.filter((line) => line.startsWith('open')),
    ['open /after'],
  );
});

test('a database of packages is read where it may be another one', async () => {
  const status = entry('/var/lib/dpkg/status');
  const disks = { '/before': [status, LATE], '/after': [{ ...status, size: 9 }, LATE] };
  const { fake, asked } = viewer(disks);
  const comparison = { before: BEFORE, after: AFTER, options: OPTIONS, isDescendant: true };
  const found = await compareDisks(comparison, fake);
  assert.ok(found.ok);
  assert.deepEqual(
    found.value.packages.map(({ before, after }) => [before, after]),
    [['/before', '/after']],
  );
  assert.equal(asked.filter((line) => line === 'dpkg /var/lib/dpkg/status').length, 2);
  const same = viewer({ '/before': [status, LATE], '/after': [status, LATE] });
  await compareDisks(comparison, same.fake);
  assert.deepEqual(
    same.asked.filter((line) => line.startsWith('dpkg')),
    [],
  );
});

test('what cannot be read here is told', async () => {
  const rpm = entry('/var/lib/rpm/rpmdb.sqlite');
  const { fake, asked } = viewer({ '/before': [rpm], '/after': [rpm] }, { readsAttributes: false });
  const found = await compareDisks(
    { before: BEFORE, after: AFTER, options: OPTIONS, isDescendant: false },
    fake,
  );
  assert.ok(found.ok);
  assert.deepEqual(found.value.notes, [
    'extended attributes, ACLs and capabilities were not compared: getfattr is not installed (apt-get install attr)',
    'rpm packages were not compared: rpm is not installed (apt-get install rpm)',
  ]);
  assert.ok(!asked.some((line) => /^(attributes|rpm)/.test(line)));
});

test('a disk that cannot be opened ends it', async () => {
  const { fake, asked } = viewer({});
  const broken: DiskImage = { file: '/broken', format: 'raw' };
  const found = await compareDisks(
    { before: BEFORE, after: broken, options: OPTIONS, isDescendant: false },
    fake,
  );
  assert.ok(!found.ok && found.failure.message === 'broken');
  assert.deepEqual(asked, ['open /before', 'close /before', 'open /broken']);
});

test('a file whose path is longer than the kernel takes is noted, and not read', async () => {
  const deep = `${'/ü'.repeat(1400)}/file`;
  const { fake, asked } = viewer({
    '/before': [entry(deep)],
    '/after': [entry(deep, { changed: '9999.0' }), LATE],
  });
  const found = await compareDisks(
    { before: BEFORE, after: AFTER, options: OPTIONS, isDescendant: true },
    fake,
  );
  assert.ok(found.ok);
  assert.match(
    found.value.notes.join('\n'),
    /^\/ü.*…\/file: only its size, .* longer than the kernel takes$/,
  );
  assert.ok(!asked.some((words) => words.includes(deep)), asked.join('\n'));
});
