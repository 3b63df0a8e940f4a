// What --to and --check of vlb deploy mean.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseCheck, parseTarget } from '../../../src/model/machine/deploy.ts';

const mustBe = <T>(result: { readonly ok: true; readonly value: T } | { readonly ok: false }): T => {
  assert.ok(result.ok);
  return result.value;
};

test('targets', () => {
  assert.deepEqual(mustBe(parseTarget('libvirt')), { type: 'libvirt', uri: 'qemu:///system' });
  for (const uri of ['qemu:///session', 'qemu+ssh://root@host/system', 'test:///default']) {
    assert.deepEqual(mustBe(parseTarget(uri)), { type: 'libvirt', uri });
  }
  for (const path of ['/dev/vg0/web', './web', 'web.img', 'a/b', '/tmp/x:y']) {
    assert.deepEqual(mustBe(parseTarget(path)), { type: 'disk', path });
  }
});

test('what cannot be a target is refused', () => {
  for (const [text, hint] of [
    ['libvrit', /give libvirt/],
    ['', /give libvirt/],
    ['web.qcow2', /--format qcow2/],
    ['out/web.vhd', /--format vhd$/],
  ] as const) {
    const parsed = parseTarget(text);
    assert.ok(!parsed.ok);
    assert.equal(parsed.failure.kind, 'usage');
    assert.match(parsed.failure.hint ?? '', hint);
  }
});

test('checks', () => {
  for (const text of [undefined, '']) assert.deepEqual(mustBe(parseCheck(text)), { type: 'auto' });
  assert.deepEqual(mustBe(parseCheck('agent')), { type: 'agent' });
  assert.deepEqual(mustBe(parseCheck('running')), { type: 'running' });
  assert.deepEqual(mustBe(parseCheck('port:22')), { type: 'port', host: undefined, port: 22 });
  assert.deepEqual(mustBe(parseCheck('port:[fe80::1]:22')), { type: 'port', host: 'fe80::1', port: 22 });
  assert.deepEqual(mustBe(parseCheck('command:curl web | grep ok')), {
    type: 'command',
    line: 'curl web | grep ok',
  });
  assert.deepEqual(mustBe(parseCheck('console:^login:')), { type: 'console', pattern: /^login:/m });
});

test('what cannot be a check is refused', () => {
  for (const text of [
    'agents',
    'agent:1',
    'port',
    'port:0',
    'port:65536',
    'port:x',
    'command:',
    'console:',
    'console:(',
  ]) {
    const parsed = parseCheck(text);
    assert.ok(!parsed.ok, text);
    assert.equal(parsed.failure.kind, 'usage');
  }
});
