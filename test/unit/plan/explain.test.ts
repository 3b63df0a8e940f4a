// The difference of two recipes, one of each kind alone.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { explain, reasonOf } from '../../../src/plan/explain.ts';
import { digestOf } from '../../rig/tree.ts';

const [ONE, TWO, THREE] = ['1', '2', '3'].map(digestOf);

const BEFORE = [
  'schema 1',
  'kind build-layer',
  `parent ${ONE}`,
  `mount ${TWO} "/l"`,
  `mount ${TWO} "/r r"`,
  'disk-size -',
  'param "A=1"',
  'param "B=x=y z"',
  'chroot-mount p2 "/boot"',
  'file - 0123456789abcdef "./page"',
  'link "page" "./link"',
  '',
].join('\n');

for (const [what, from, to, change, reason] of [
  [
    'one of two mounts',
    `mount ${TWO} "/r r"`,
    `mount ${THREE} "/r r"`,
    { type: 'parent', mount: '/r r', before: TWO, after: THREE },
    'parent changed',
  ],
  [
    'a mount that is new',
    `mount ${TWO} "/l"`,
    `mount ${TWO} "/l"\nmount ${ONE} "/new"`,
    { type: 'parent', mount: '/new', before: 'none', after: ONE },
    'parent changed',
  ],
  [
    'a parameter among others',
    'param "B=x=y z"',
    'param "B=other"',
    { type: 'setting', name: 'param B', before: 'x=y z', after: 'other' },
    'settings changed',
  ],
  [
    'a partition elsewhere',
    'chroot-mount p2 "/boot"',
    'chroot-mount p3 "/boot"',
    { type: 'setting', name: 'chroot-mount /boot', before: 'p2', after: 'p3' },
    'settings changed',
  ],
  ['the parent', ONE, THREE, { type: 'parent', before: ONE, after: THREE }, 'parent changed'],
  [
    'a link',
    'link "page" "./link"',
    'link "tool" "./link"',
    { type: 'input', path: './link', how: 'link target' },
    'input changed',
  ],
] as const) {
  test(`${what} is told, and nothing else`, () => {
    const changes = explain(BEFORE, BEFORE.replace(String(from), String(to)));
    assert.deepEqual(changes, [change]);
    assert.equal(reasonOf(changes), reason);
  });
}

test('the same recipe has no change', () => assert.deepEqual(explain(BEFORE, BEFORE), []));
