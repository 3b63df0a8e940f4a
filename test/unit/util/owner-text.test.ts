// Owners of locks in messages.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ownerText } from '../../../src/util/owner-text.ts';

test('a process of another PID namespace is said to be one', () => {
  const self = '12-345.abcdef01-n4026531836';
  assert.equal(ownerText('7-89.abcdef01-n4026531836-0', self), 'process 7');
  assert.equal(ownerText('7-89.abcdef01', self), 'process 7');
  assert.equal(ownerText('7-89.abcdef01-n1', self), 'process 7 of another PID namespace (a container)');
});
