// The files of a template in a repository: which are vlb's, and which are removed.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { isWhole, removeOld, revisionsIn, revisionText } from '../../../../src/execute/publish/revisions.ts';
import { Tree } from '../../../rig/tree.ts';

const WEB = { name: 'web', arch: 'x86_64' };
const MANIFEST = { machine: 'web', key: 'k', vlb: '1', git: null, disks: [] };

const manifest = (revision: number, file = `web.x86_64.${revision}.xz`) =>
  revisionText(WEB, { revision, file, size: 4, sha256: 'a', sha512: 'b' }, MANIFEST);

test('only what has a manifest of vlb is a revision, and the newest stay', () => {
  using tree = new Tree({
    'web.x86_64.1.xz': 'disk',
    'web.x86_64.2.xz': 'disk',
    'web.x86_64.2.json': manifest(2),
    'web.x86_64.3.xz': 'disk',
    'web.x86_64.3.json': manifest(3, '../../etc/passwd'),
    'web.x86_64.4.json': manifest(4),
    'web.x86_64.5.raw': 'disk',
    'web.x86_64.5.json': manifest(5, 'web.x86_64.5.raw'),
    'web.x86_64.10.xz': 'disk',
    'web.x86_64.10.json': manifest(10),
    'web.x86_64.011.json': manifest(11),
    'web.x86_64.x86_64.12.json': manifest(12),
    'web.aarch64.13.json': manifest(13),
    'web.x86_64.14.json': '{',
  });
  const directory = tree.path('.');
  const found = revisionsIn(directory, WEB);
  assert.deepEqual(
    found.map(({ revision }) => revision),
    [10, 5, 4, 2],
  );
  assert.deepEqual(
    found.filter((revision) => isWhole(directory, revision)).map(({ revision }) => revision),
    [10, 5, 2],
  );
  assert.deepEqual(removeOld(directory, WEB, 1, new Set(['web.x86_64.5.raw'])), [
    'web.x86_64.4.xz',
    'web.x86_64.2.xz',
  ]);
  for (const name of ['web.x86_64.1.xz', 'web.x86_64.3.xz', 'web.x86_64.5.raw', 'web.x86_64.10.xz']) {
    assert.ok(existsSync(tree.path(name)), name);
  }
  assert.equal(existsSync(tree.path('web.x86_64.2.xz')), false);
});
