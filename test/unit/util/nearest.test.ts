// "Did you mean …".

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nearest } from '../../../src/util/nearest.ts';

test('one or two wrong letters are forgiven', () => {
  assert.equal(nearest('tiemout', ['timeout', 'from']), 'timeout');
  assert.equal(nearest('timeou', ['timeout', 'from']), 'timeout');
  assert.equal(nearest('form', ['timeout', 'from']), 'from');
});

test('the nearest wins, the first of equals', () => {
  assert.equal(nearest('20_app', ['20_apt', '20_app2', '20_app']), '20_app');
  assert.equal(nearest('ab', ['ac', 'ad']), 'ac');
});

test('longer words may differ in more', () => {
  assert.equal(nearest('root-partitoin-no', ['root-partition']), 'root-partition');
});

test('nothing near is nothing', () => {
  assert.equal(nearest('frobnicate', ['timeout', 'from']), undefined);
  assert.equal(nearest('x', []), undefined);
});

test('a word of a letter or two, or none, is near to nothing that shares none of them', () => {
  assert.equal(nearest('f', ['ls', 'why']), undefined);
  assert.equal(nearest('99', ['a', 'ls']), undefined);
  assert.equal(nearest('', ['ls']), undefined);
  assert.equal(nearest('ap', ['app']), 'app');
});
