// The stat index: it spares reading what did not change, and never vouches for what may have.

import assert from 'node:assert/strict';
import { existsSync, lstatSync, readdirSync } from 'node:fs';
import { describe, test } from 'node:test';
import { isSameStat, modeAt } from '../../../../src/project/inputs/stat-index.ts';
import { Tree } from '../../../rig/tree.ts';
import { load, SECOND, saved, statOf, TEXT, vouches } from './stats.ts';

test('what was taken down is recalled', () => {
  using tree = new Tree();
  const stat = statOf();
  const paths = ['./a', './with space', './new\nline', './"quoted\\', '/../outside', './ä', './__proto__'];
  const file = saved(tree, stat, paths);
  const remembered = load(file).recall('10_a', 'origin');
  assert.ok(remembered);
  assert.deepEqual(remembered.paths, paths);
  assert.equal(remembered.text, TEXT);
  for (const at of paths.keys()) assert.ok(isSameStat(remembered.stats, at, stat));
  assert.deepEqual(readdirSync(tree.path('state')), ['stat-index'], 'nothing else is left there');
});

test('what is known by its name alone has no mode', () => {
  using tree = new Tree();
  const index = load(tree.path('stat-index'));
  index.remember('10_a', 'origin', [{ path: './a~', stat: undefined }], '', index.now);
  index.save(true);
  const remembered = load(tree.path('stat-index')).recall('10_a', 'origin');
  assert.deepEqual(remembered?.paths, ['./a~']);
  assert.equal(modeAt(remembered.stats, 0), 0);
});

test('nothing is something that can be remembered', () => {
  using tree = new Tree();
  const remembered = load(saved(tree, statOf(), [])).recall('10_a', 'origin');
  assert.deepEqual(remembered?.paths, []);
});

test('what was found elsewhere, or by other rules, is not recalled', () => {
  using tree = new Tree();
  const index = load(saved(tree, statOf()));
  assert.equal(index.recall('10_a', 'other'), undefined);
  assert.equal(index.recall('20_b', 'origin'), undefined);
});

describe('a file is read again', () => {
  const stat = statOf();
  for (const [what, changes] of [
    ['when its size changed', { size: 4 }],
    ['when its mode changed', { mode: 0o100755 }],
    ['when its mtime changed', { mtimeMs: stat.mtimeMs + 0.001 }],
    ['when its ctime alone changed: new content under the old size and mtime', { ctimeMs: stat.ctimeMs + 1 }],
    ['when another file took its place', { ino: 43 }],
  ] as const) {
    test(what, () => {
      using tree = new Tree();
      const file = saved(tree, stat);
      assert.ok(vouches(file, stat));
      assert.ok(!vouches(file, statOf({ ...stat, ...changes })));
    });
  }

  for (const [what, changes] of [
    ['when it was young', () => ({ mtimeMs: Date.now(), ctimeMs: Date.now() })],
    ['when its content alone was young', () => ({ mtimeMs: Date.now() })],
    ['when its inode alone was young', () => ({ ctimeMs: Date.now() })],
    ['when it was half a second old', () => ({ mtimeMs: Date.now() - 500, ctimeMs: Date.now() - 500 })],
    ['when it is from the future, as the clock was set back', () => ({ mtimeMs: Date.now() + 3_600_000 })],
  ] as const) {
    test(what, () => {
      using tree = new Tree();
      const racy = statOf(changes());
      assert.ok(!vouches(saved(tree, racy), racy));
    });
  }
});

test('times before 1970 are times', () => {
  using tree = new Tree();
  const stat = statOf({ mtimeMs: -5 * SECOND });
  assert.ok(vouches(saved(tree, stat), stat));
});

describe('saving', () => {
  const stat = statOf();

  test('after a walk of the whole project forgets what was not seen', () => {
    using tree = new Tree();
    saved(tree, stat, ['gone'], '20_gone');
    const file = saved(tree, stat);
    const index = load(file);
    index.keep('10_a');
    index.save(true);
    assert.ok(!vouches(file, stat, '20_gone'));
    assert.ok(vouches(file, stat));
  });

  test('after a walk of a part keeps the rest', () => {
    using tree = new Tree();
    saved(tree, stat);
    const file = saved(tree, stat, ['b'], '20_b');
    for (const name of ['10_a', '20_b']) assert.ok(vouches(file, stat, name), name);
  });

  test('writes nothing when nothing changed', () => {
    using tree = new Tree();
    const file = saved(tree, stat);
    const before = lstatSync(file);
    for (const complete of [true, false]) {
      const index = load(file);
      index.keep('10_a');
      index.save(complete);
      assert.equal(lstatSync(file).ino, before.ino);
    }
    load(tree.path('state/other')).save(true);
    assert.equal(existsSync(tree.path('state/other')), false);
  });

  test('two at once leave one that can be read', () => {
    using tree = new Tree();
    const file = tree.path('stat-index');
    const [one, two] = [load(file), load(file)];
    for (const [index, name] of [
      [one, '10_a'],
      [two, '20_b'],
    ] as const) {
      index.remember(name, 'origin', [{ path: './a', stat }], TEXT, Date.now());
    }
    one.save(true);
    two.save(true);
    assert.ok(vouches(file, stat, '20_b'));
    assert.deepEqual(readdirSync(tree.directory), ['stat-index']);
  });

  test('where nothing can be written, nothing is, and nothing is vouched for', () => {
    using tree = new Tree({ state: 'a file, where a directory should be' });
    const index = load(tree.path('state/stat-index'));
    assert.equal(index.now, Number.NEGATIVE_INFINITY);
    index.remember('10_a', 'origin', [{ path: './a', stat }], TEXT, index.now);
    index.save(true);
  });
});
