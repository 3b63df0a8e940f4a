import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tableLines } from '../../../src/util/table.ts';

test('columns are as wide as their widest cell, without spaces at the end', () => {
  assert.deepEqual(
    tableLines(
      [
        ['a', '1', 'x'],
        ['long', '', ''],
        ['', '100'],
      ],
      [1],
    ),
    ['a       1  x', 'long', '      100'],
  );
  assert.deepEqual(tableLines([]), []);
});
