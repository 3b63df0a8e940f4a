// Sizes and times as people read them.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { formatBytes, formatSeconds } from '../../../src/util/units.ts';

describe('formatBytes', () => {
  for (const [bytes, text] of [
    [0, '0 B'],
    [1, '1 B'],
    [1023, '1023 B'],
    [1024, '1.0 KiB'],
    [1536, '1.5 KiB'],
    [102_400, '100 KiB'],
    [196_608, '192 KiB'],
    [1_048_575, '1.0 MiB'],
    [1_048_576, '1.0 MiB'],
    [1.4 * 2 ** 30, '1.4 GiB'],
    [99.96 * 1024, '100 KiB'],
    [2 ** 40, '1.0 TiB'],
    [2 ** 50, '1024 TiB'],
  ] as const) {
    test(`${bytes} is ${text}`, () => assert.equal(formatBytes(bytes), text));
  }
});

describe('formatSeconds', () => {
  for (const [seconds, text] of [
    [0, '0.00 s'],
    [0.1234, '0.12 s'],
    [9.99, '9.99 s'],
    [9.999, '10.0 s'],
    [10, '10.0 s'],
    [34.56, '34.6 s'],
    [59.94, '59.9 s'],
    [59.96, '1 min 0 s'],
    [60, '1 min 0 s'],
    [725.9, '12 min 5 s'],
    [3599.9, '59 min 59 s'],
    [3600, '1 h 0 min'],
    [7380, '2 h 3 min'],
    [90_000, '25 h 0 min'],
  ] as const) {
    test(`${seconds} is ${text}`, () => assert.equal(formatSeconds(seconds), text));
  }
});
