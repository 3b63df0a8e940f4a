// Advice for files of another user.

import assert from 'node:assert/strict';
import { userInfo } from 'node:os';
import { test } from 'node:test';
import { writeHint } from '../../../src/util/ownership.ts';
import { Tree } from '../../rig/tree.ts';

const denied = (code: string) => Object.assign(new Error(code), { code });

test('the places that exist, for this user, and only where permissions are missing', () => {
  using tree = new Tree({ '.vlb/lock': '', "it's/.vlb/lock": '' });
  const hint = (...places: string[]) => writeHint(denied('EACCES'), places);
  const { username } = userInfo();
  assert.match(
    hint(tree.path('.vlb'), tree.path('build')) ?? '',
    new RegExp(`: sudo chown -R ${username} ${tree.path('.vlb')}$`),
  );
  assert.ok(hint(tree.path("it's/.vlb"))?.endsWith(` '${tree.path("it's/.vlb").replace("'", "'\\''")}'`));
  assert.equal(writeHint(denied('EIO'), [tree.path('.vlb')]), undefined);
  // Where nothing can be taken over, the way out is another place.
  for (const [code, places] of [
    ['EROFS', ['.vlb']],
    ['EACCES', ['build']],
  ] as const) {
    const above = places.map((name) => tree.path(name));
    assert.match(
      writeHint(denied(code), above) ?? '',
      /^build a copy of the project .*; vlb plan, ls, graph and why only read$/,
    );
  }
});
