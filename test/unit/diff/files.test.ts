// What differs in two lists of files.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type Details, fileDifferences } from '../../../src/diff/files.ts';
import { pairUp } from '../../../src/diff/pairs.ts';
import type { Entry } from '../../../src/model/ports/viewer.ts';
import { entry } from './entries.ts';

const NONE: Details = { contents: new Map(), attributes: new Map() };

function differences(before: readonly Entry[], after: readonly Entry[], had = NONE, has = NONE) {
  const paired = pairUp(before, after, () => false);
  return fileDifferences(paired, before, after, { before: had, after: has });
}

/** The one difference of a file that was one way and is another. */
function changed(before: Partial<Entry>, after: Partial<Entry>, had = NONE, has = NONE) {
  const found = differences([entry('/a', before)], [entry('/a', after)], had, has);
  assert.ok(found.length <= 1);
  return found[0];
}

test('times, inodes and the size of a directory are no difference', () => {
  const other = { modified: '7', changed: '8', inode: '9', fileSystem: '10' };
  assert.equal(changed({}, other), undefined);
  assert.equal(changed({ type: 'directory' }, { type: 'directory', size: 8192 }), undefined);
});

test('each aspect is told, with what it was and is', () => {
  assert.deepEqual(changed({}, { mode: '0600' })?.what, [{ aspect: 'mode', before: '0644', after: '0600' }]);
  assert.deepEqual(changed({}, { uid: 33, gid: 34 })?.what, [
    { aspect: 'owner', before: '0:0', after: '33:34' },
  ]);
  assert.deepEqual(changed({}, { size: 5 })?.what, [{ aspect: 'content' }]);
  assert.deepEqual(changed({}, { type: 'fifo' })?.what, [{ aspect: 'type', before: 'file', after: 'fifo' }]);
  const link = { type: 'link', target: 'b' } as const;
  assert.deepEqual(changed(link, { ...link, target: 'c' })?.what, [
    { aspect: 'link target', before: 'b', after: 'c' },
  ]);
  const device = { type: 'block device', device: '8:1' } as const;
  assert.deepEqual(changed(device, { ...device, device: '8:2' })?.what, [
    { aspect: 'device number', before: '8:1', after: '8:2' },
  ]);
});

test('contents of one size are compared by their hashes', () => {
  const hash = (value: string): Details => ({ ...NONE, contents: new Map([['/a', value]]) });
  assert.equal(changed({}, {}, hash('1'), hash('1')), undefined);
  assert.deepEqual(changed({}, {}, hash('1'), hash('2'))?.what, [{ aspect: 'content' }]);
});

test('attributes that came, went and changed are told one by one', () => {
  const having = (attributes: Record<string, string>): Details => ({
    ...NONE,
    attributes: new Map([['/a', attributes]]),
  });
  const found = changed(
    {},
    {},
    having({ 'user.x': '0x31', 'user.y': '0x31' }),
    having({ 'user.y': '0x32', 'user.z': '' }),
  );
  assert.deepEqual(found?.what, [
    { aspect: 'attribute', name: 'user.x', before: '0x31' },
    { aspect: 'attribute', name: 'user.y', before: '0x31', after: '0x32' },
    { aspect: 'attribute', name: 'user.z', after: '' },
  ]);
  assert.equal(found?.bytes, 0);
});

test('a file that came or went has its attributes in its state', () => {
  const having = (path: string): Details => ({
    ...NONE,
    attributes: new Map([[path, { 'security.capability': '0x01' }]]),
  });
  const paired = { added: [entry('/new'), entry('/plain')], removed: [entry('/gone')], both: [] };
  const found = fileDifferences(paired, paired.removed, paired.added, {
    before: having('/gone'),
    after: having('/new'),
  });
  const states = Object.fromEntries(found.map(({ path, before, after }) => [path, before ?? after]));
  assert.deepEqual(states['/new']?.attributes, { 'security.capability': '0x01' });
  assert.deepEqual(states['/gone']?.attributes, { 'security.capability': '0x01' });
  assert.equal(states['/plain']?.attributes, undefined);
});

test('the heaviest come first, and what weighs the same by name', () => {
  const found = differences(
    [entry('/gone', { size: 50 })],
    [
      entry('/b', { size: 10 }),
      entry('/a', { size: 10 }),
      entry('/large', { size: 99 }),
      entry('/d', { type: 'directory', size: 4096 }),
    ],
  );
  assert.deepEqual(
    found.map(({ change, path, bytes }) => `${change} ${path} ${bytes}`),
    ['added /large 99', 'removed /gone 50', 'added /a 10', 'added /b 10', 'added /d 0'],
  );
});

test('a file with several names weighs once', () => {
  const one = { inode: '5', names: 2, size: 70 };
  const found = differences(
    [],
    [entry('/b', one), entry('/a', one), entry('/c', { ...one, fileSystem: '2' })],
  );
  assert.deepEqual(
    found.map(({ path, bytes, linkOf }) => [path, bytes, linkOf]),
    [
      ['/a', 70, undefined],
      ['/c', 70, undefined],
      ['/b', 0, '/a'],
    ],
  );
});

test('a new name of an old file weighs nothing', () => {
  const found = differences(
    [entry('/a', { inode: '5' })],
    [entry('/a', { inode: '5', names: 2 }), entry('/b', { inode: '5', names: 2 })],
  );
  assert.deepEqual(found, [
    {
      change: 'added',
      path: '/b',
      bytes: 0,
      linkOf: '/a',
      after: { type: 'file', mode: '0644', uid: 0, gid: 0, size: 4 },
      what: [],
    },
  ]);
});
