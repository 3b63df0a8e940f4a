// Which files need a look, and which are known to be the same.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pairUp, untouchedSince, withContent } from '../../../src/diff/pairs.ts';
import type { Entry } from '../../../src/model/ports/viewer.ts';
import { entry } from './entries.ts';

/** The last thing that happened on the older disk. */
const LATEST = entry('/latest', { changed: '2000.0' });

function isUntouched(was: Entry, is: Partial<Entry> = {}): boolean {
  return untouchedSince([was, LATEST])({ before: was, after: { ...was, ...is } });
}

test('what has the same inode, times and size was not touched, in another mount too', () => {
  assert.equal(isUntouched(entry('/a')), true);
  assert.equal(isUntouched(entry('/a'), { fileSystem: '2' }), true);
});

test('whatever is not the same needs a look', () => {
  assert.equal(isUntouched(entry('/a'), { changed: '1000.6' }), false);
  assert.equal(isUntouched(entry('/a'), { modified: '1000.6' }), false);
  assert.equal(isUntouched(entry('/a'), { inode: '1' }), false);
  assert.equal(isUntouched(entry('/a'), { size: 5 }), false);
  assert.equal(isUntouched(entry('/a'), { type: 'fifo' }), false);
});

test('a time about as late as the latest proves nothing: the younger disk may have left the same', () => {
  for (const [changed, proves] of [
    ['2000.0', false],
    ['1998.5', false],
    ['1998.0', false],
    ['1997.9', true],
  ] as const) {
    assert.equal(isUntouched(entry('/a', { changed })), proves, changed);
  }
});

test('a time that programs can set proves nothing', () => {
  assert.equal(isUntouched(entry('/a', { changed: undefined })), false);
});

test('entries are paired by path', () => {
  const [gone, come, same, other] = [entry('/gone'), entry('/come'), entry('/same'), entry('/other')];
  const moved = { ...other, size: 9 };
  const paired = pairUp([gone, same, other], [same, moved, come], ({ after }) => after.path === '/same');
  assert.deepEqual(paired, { added: [come], removed: [gone], both: [{ before: other, after: moved }] });
});

test('only files of one size have to be read', () => {
  const pair = (before: Partial<Entry>, after: Partial<Entry>) => ({
    before: entry('/a', before),
    after: entry('/a', after),
  });
  const equal = pair({}, {});
  const pairs = [
    equal,
    pair({}, { size: 5 }),
    pair({ size: 0 }, { size: 0 }),
    pair({}, { type: 'link' }),
    pair({ type: 'directory' }, { type: 'directory' }),
  ];
  assert.deepEqual(withContent(pairs), [equal]);
});
