// Sizes and durations as people write them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDuration, parseSize } from '../../../src/util/units.ts';

test('sizes are powers of 1024', () => {
  assert.equal(parseSize('512'), 512);
  assert.equal(parseSize('64K'), 65_536);
  assert.equal(parseSize('64k'), 65_536);
  assert.equal(parseSize('20G'), 20 * 2 ** 30);
  assert.equal(parseSize('20GiB'), 20 * 2 ** 30);
  assert.equal(parseSize('20GB'), 20 * 2 ** 30);
  assert.equal(parseSize('1.5T'), 1.5 * 2 ** 40);
  assert.equal(parseSize('0.5M'), 2 ** 19);
});

test('sizes are whole sectors, never smaller than what was asked for', () => {
  assert.equal(parseSize('1'), 512);
  assert.equal(parseSize('513'), 1024);
  assert.equal(parseSize('1.0001K'), 1536);
});

test('what is no size', () => {
  for (const text of [
    '',
    '0',
    '0G',
    '-1',
    '+1',
    '1e3',
    'G',
    '1 G',
    '1GG',
    '1P',
    '.5G',
    '5.G',
    '1,5G',
    '0x10',
    'NaN',
  ]) {
    assert.equal(parseSize(text), undefined, text);
  }
  assert.equal(parseSize('9'.repeat(400)), undefined, 'more than a number holds');
  assert.equal(parseSize('9000000T'), undefined, 'more than a number holds exactly');
});

test('durations are seconds', () => {
  assert.equal(parseDuration('90s'), 90);
  assert.equal(parseDuration('90'), 90);
  assert.equal(parseDuration('30m'), 1800);
  assert.equal(parseDuration('2h'), 7200);
  assert.equal(parseDuration('7d'), 604_800);
  assert.equal(parseDuration('0.5s'), 0.5);
});

test('what is no duration', () => {
  for (const text of ['', '0', '0s', '-1', '1e3', 'm', '1 m', '1ms', '1w', '1h30m', '30M', 'Infinity']) {
    assert.equal(parseDuration(text), undefined, text);
  }
  assert.equal(parseDuration('9'.repeat(400)), undefined, 'more than a number holds');
});
