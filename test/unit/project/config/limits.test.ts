// Limits of the store as people write them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseMaxAge, parseMaxSize } from '../../../../src/project/config/limits.ts';

test('sizes', () => {
  for (const [text, expected] of [
    ['20G', { value: 20 * 2 ** 30 }],
    ['1.5T', { value: 1.5 * 2 ** 40 }],
    ['500MB', { value: 500 * 2 ** 20 }],
    ['0', { value: 0 }],
    ['none', { value: undefined }],
    ['20', undefined],
    ['', undefined],
    ['-1G', undefined],
    ['lots', undefined],
  ] as const) {
    assert.deepEqual(parseMaxSize(text), expected, text);
  }
});

test('ages', () => {
  for (const [text, expected] of [
    ['30d', { value: 30 * 86_400 }],
    ['12h', { value: 12 * 3600 }],
    ['0', { value: 0 }],
    ['none', { value: undefined }],
    ['30', undefined],
    ['30 days', undefined],
    ['20G', undefined],
  ] as const) {
    assert.deepEqual(parseMaxAge(text), expected, text);
  }
});
