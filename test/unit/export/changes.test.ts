// What becomes part of a layer of a container image.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { changesOf } from '../../../src/export/container/changes.ts';
import { ok } from '../../../src/model/failure.ts';
import type { DiskViewer, Entry, OpenDisk } from '../../../src/model/ports/viewer.ts';
import { failureIn, valueIn } from '../../rig/tree.ts';
import { entry } from '../diff/entries.ts';

const MOUNT = { partitionMounts: [], fstab: 'tried' as const, whereOf: () => ({ file: 'x' }) };

const layer = (name: string) =>
  ({ name, image: { file: name, format: 'qcow2' }, isDescendant: false }) as const;

/** What differs between two lists of files. @param contents what files have, by the disk and the path; by default the path */
async function changes(
  before: readonly Entry[],
  after: readonly Entry[],
  contents: Readonly<Record<string, string>> = {},
) {
  const open = (name: string): OpenDisk => ({
    isBtrfs: false,
    rootPartition: 1,
    list: async () => ok(after),
    contents: async (paths) => ok(new Map(paths.map((file) => [file, contents[`${name}${file}`] ?? file]))),
    attributes: async () => ok(new Map()),
    packages: () => assert.fail('packages do not matter'),
    copy: () => assert.fail('nothing is copied'),
    read: () => assert.fail('nothing is read'),
    squash: () => assert.fail('nothing is packed'),
    archive: () => assert.fail('nothing is archived yet'),
    copyTree: () => assert.fail('nothing is archived yet'),
    close: async () => ok(),
  });
  const viewer: DiskViewer = {
    readsAttributes: true,
    readsRpm: false,
    open: async ({ file }) => ok(open(file)),
    showTextDiff: () => assert.fail('nothing is shown'),
    shell: () => assert.fail('nothing is shown'),
    [Symbol.asyncDispose]: async () => {},
  };
  return changesOf(viewer, MOUNT, { layer: layer('below'), entries: before }, layer('above'));
}

describe('the changes of a layer', () => {
  const directory = (path: string) => entry(path, { type: 'directory' });

  test('new files, and those with other contents or another time; not the others', async () => {
    const found = valueIn(
      await changes(
        [entry('/same'), entry('/rewritten'), entry('/touched')],
        [entry('/same'), entry('/rewritten'), entry('/touched', { modified: '77.0' }), entry('/new')],
        { 'above/rewritten': 'other' },
      ),
    );
    assert.deepEqual([...(found.written ?? [])].sort(), ['/new', '/rewritten', '/touched']);
    assert.deepEqual(found.removed, []);
  });

  test('a removed directory counts once, and what a link replaced not at all', async () => {
    const found = valueIn(
      await changes(
        [
          directory('/'),
          directory('/gone'),
          entry('/gone/file'),
          directory('/link'),
          entry('/link/file'),
          entry('/old'),
        ],
        [directory('/'), entry('/link', { type: 'link', target: 'gone' })],
      ),
    );
    assert.deepEqual([...found.removed].sort(), ['/gone', '/old']);
    assert.deepEqual(found.written, ['/link']);
  });

  test('all names of a file are archived together', async () => {
    const [a, b] = ['/a', '/b'].map((path) => entry(path, { inode: '7', names: 2 }));
    assert.ok(a && b);
    const found = valueIn(await changes([a, b], [{ ...a, mode: '0600' }, b]));
    assert.deepEqual([...(found.written ?? [])].sort(), ['/a', '/b']);
  });

  test('a file that would mean something else is refused', async () => {
    const { kind, message } = failureIn(await changes([], [entry('/etc/.wh.motd')]));
    assert.equal(kind, 'usage');
    assert.match(message, /cannot contain \/etc\/\.wh\.motd/);
  });
});
