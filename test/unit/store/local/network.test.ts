// Which file systems a store may be on.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkIsLocal } from '../../../../src/store/local/network.ts';
import { Tree } from '../../../rig/tree.ts';

test('a store on a local file system is accepted, also before it exists', () => {
  using tree = new Tree();
  assert.deepEqual(checkIsLocal(tree.path('a/b/store')), { ok: true, value: undefined });
  assert.deepEqual(checkIsLocal(tree.path('.')), { ok: true, value: undefined });
});

test('a store on a network file system is refused, with what to do instead', () => {
  for (const [type, name] of [
    [0x6969, 'NFS'],
    [0xfe534d42, 'SMB'],
    [0xfe534d42 - 2 ** 32, 'SMB'],
    [0x01021997, '9p'],
    [0x00c36400, 'Ceph'],
  ] as const) {
    const checked = checkIsLocal('/mnt/team/store', () => type);
    assert.ok(!checked.ok);
    const { kind, message, where, hint = '' } = checked.failure;
    assert.deepEqual(
      { kind, message, where },
      {
        kind: 'host',
        message: `the store is on a network file system (${name})`,
        where: { file: '/mnt/team/store' },
      },
    );
    assert.match(hint, /^use --cache-dir DIR or VLB_CACHE_DIR with a local disk, and a shared cache/);
  }
});

test('before it exists, the nearest directory above it decides', () => {
  const typeOf = (file: string) => {
    if (file !== '/mnt/team') throw new Error('ENOENT');
    return 0x6969;
  };
  assert.equal(checkIsLocal('/mnt/team/a/store', typeOf).ok, false);
  assert.equal(checkIsLocal('/srv/store', typeOf).ok, true, 'what cannot be accessed fails later');
});
