// The values of test-boot's options, good and bad.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  parseCpus,
  parseExpect,
  parseForward,
  parseMemory,
  parseNetwork,
} from '../../../../src/cli/args/boot-values.ts';
import { mustBeOk, mustFail } from '../../../rig/boot/rig.ts';

test('memory is in MiB, or has a unit', () => {
  const good = { '1024': 1024, '512M': 512, '2G': 2048, '4g': 4096 };
  for (const [text, mebibytes] of Object.entries(good)) assert.equal(mustBeOk(parseMemory(text)), mebibytes);
  for (const text of ['', '0', '4', '-1', '1.5G', '1T', '1e3', ' 512', '99999999999999999999']) {
    assert.equal(mustFail(parseMemory(text)).message, `--memory ${text}: not a valid memory size`);
  }
});

test('processors', () => {
  assert.equal(mustBeOk(parseCpus('4')), 4);
  for (const text of ['', '0', '256', '1.5', '-1', 'two'])
    assert.equal(mustFail(parseCpus(text)).kind, 'usage');
});

test('expected texts are regular expressions that look at lines', () => {
  assert.match('a\nready\nb', mustBeOk(parseExpect('^ready$')));
  assert.match(mustFail(parseExpect('(')).message, /^--expect: invalid regular expression/);
  assert.equal(mustFail(parseExpect('')).kind, 'usage');
});

test('forwards', () => {
  const forward = { address: '127.0.0.1', hostPort: 2222, guestPort: 22 };
  assert.deepEqual(mustBeOk(parseForward('2222:22')), forward);
  assert.deepEqual(mustBeOk(parseForward('localhost:2222:22')), forward);
  assert.deepEqual(mustBeOk(parseForward('0.0.0.0:2222:22')), { ...forward, address: '0.0.0.0' });
  for (const text of [
    '',
    '22',
    '0:22',
    '22:0',
    '65536:22',
    'a:b',
    '1:2:3:4',
    '::1:2222:22',
    '2222:22,x',
    ':22',
    '22:',
  ]) {
    const failure = mustFail(parseForward(text));
    assert.equal(failure.message, `--forward ${text}: not a valid port forwarding`);
    assert.match(failure.hint ?? '', /2222:22/);
  }
});

test('networks', () => {
  assert.deepEqual(mustBeOk(parseNetwork('user')), { type: 'user', forwards: [] });
  assert.deepEqual(mustBeOk(parseNetwork('none')), { type: 'none' });
  assert.deepEqual(mustBeOk(parseNetwork('bridge=br0')), { type: 'bridge', bridge: 'br0' });
  for (const text of [
    '',
    'bridge',
    'bridge=',
    'bridge=a,b',
    'bridge=a/b',
    'bridge=sixteen-letters-',
    'tap',
  ]) {
    assert.match(mustFail(parseNetwork(text)).hint ?? '', /bridge=BRIDGE/);
  }
});

test('forwards go with the user network only, and no two begin at one port', () => {
  const network = mustBeOk(parseNetwork('user', ['2222:22', '8080:80']));
  assert.equal(network.type === 'user' && network.forwards.length, 2);
  assert.match(mustFail(parseNetwork('none', ['2222:22'])).message, /--forward requires the user network/);
  assert.match(mustFail(parseNetwork('user', ['2222:22', '0.0.0.0:2222:80'])).message, /forwarded twice/);
  assert.ok(parseNetwork('user', ['127.0.0.1:2222:22', '127.0.0.2:2222:22']).ok);
});
