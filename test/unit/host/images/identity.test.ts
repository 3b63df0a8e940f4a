// The identifier in a vmdk: QEMU writes it as a number without leading zeros.

import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { setIdentity } from '../../../../src/host/images/identity.ts';
import { failureIn, Tree, valueIn } from '../../../rig/tree.ts';

const UUID = '0123abcd-0000-5000-8000-000000000000';

for (const number of ['1234abcd', 'abc', '0']) {
  test(`the number ${number} is replaced, and what follows it stays`, () => {
    using tree = new Tree({ disk: '' });
    const file = tree.path('disk');
    const around = (id: string) =>
      `# Disk DescriptorFile\nversion=1\nCID=${id}\nparentCID=ffffffff\ncreateType="x"\n`;
    const bytes = Buffer.alloc(4096, 0);
    bytes.write(around(number), 512);
    bytes.fill(7, 2048);
    writeFileSync(file, bytes);
    valueIn(setIdentity(file, 'vmdk', UUID));
    const after = readFileSync(file);
    assert.equal(after.toString('latin1', 512, 512 + around('12345678').length), around('0123abcd'));
    assert.equal(after.length, bytes.length);
    assert.ok(after.subarray(2048).every((byte) => byte === 7));
  });
}

test('a file that has none is a failure', () => {
  using tree = new Tree({ disk: 'x'.repeat(1024) });
  assert.match(failureIn(setIdentity(tree.path('disk'), 'vmdk', UUID)).message, /no identifier/);
  assert.match(failureIn(setIdentity(tree.path('disk'), 'vdi', UUID)).message, /no identifier/);
});
