// What tar's list says of an archive that others made.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { packings } from '../../../../src/host/images/packings.ts';
import { mustBeOk } from '../../../rig/boot/rig.ts';
import { Tree } from '../../../rig/tree.ts';

test('names are found behind owners with blanks, as accounts of a Windows domain have them', async () => {
  using tree = new Tree();
  tree.write({ 'a b.raw': 'a disk', 'a.ovf': 'its descriptor' });
  const owner = ['--owner=EXAMPLE\\\\ann smith:1000', '--group=domain users:1000'];
  execFileSync('tar', ['-cf', 'a.ova', ...owner, 'a b.raw', 'a.ovf'], { cwd: tree.directory });
  const names = mustBeOk(await packings.list('tar', tree.path('a.ova'), new AbortController().signal));
  assert.deepEqual(names, ['a b.raw', 'a.ovf']);
});
