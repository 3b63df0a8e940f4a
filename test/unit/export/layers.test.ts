// The archives of layers that several exports of one run have in common.

import assert from 'node:assert/strict';
import { appendFileSync, existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { SharedDisks, sharedName } from '../../../src/execute/export/shared-disks.ts';
import { archiveLayers } from '../../../src/export/container/layers.ts';
import { ok } from '../../../src/model/failure.ts';
import type { ExportJob, ExportSystem } from '../../../src/model/ports/exporter.ts';
import type { DiskViewer, OpenDisk } from '../../../src/model/ports/viewer.ts';
import { Tree, valueIn } from '../../rig/tree.ts';
import { entry } from '../diff/entries.ts';

const LIVE = new AbortController().signal;
const PACKER = { tar: () => assert.fail('nothing is removed') };

const system = (...files: readonly string[]): ExportSystem => ({
  layers: files.map((file) => ({ name: file, image: { file, format: 'qcow2' }, isDescendant: true })),
  mount: { partitionMounts: [], fstab: 'required', whereOf: () => ({ file: 'x' }) },
});

/** A viewer of disks, each with a file of its own name and those of the disks before it. @param opened gets their names */
function viewerOf(disks: readonly string[], opened: string[]): DiskViewer {
  const never = () => assert.fail('not called');
  const open = (name: string): OpenDisk => ({
    ...{
      isBtrfs: false,
      rootPartition: 1,
      packages: never,
      copy: never,
      read: never,
      copyTree: never,
      squash: never,
    },
    list: async () => ok(disks.slice(0, disks.indexOf(name) + 1).map((disk) => entry(`/${disk}`))),
    contents: async () => ok(new Map()),
    attributes: async () => ok(new Map()),
    archive: async (target, { paths = ['all'] }) => ok(appendFileSync(target, `${name}: ${paths.join(' ')}`)),
    close: async () => ok(),
  });
  return {
    ...{ readsAttributes: true, readsRpm: false, showTextDiff: never, shell: never },
    open: async ({ file }) => {
      opened.push(file);
      return ok(open(file));
    },
    [Symbol.asyncDispose]: async () => {},
  };
}

const noDisk = () => assert.fail('there is no disk');

/** Two exports of a machine, one after the other. Returns what each got, and how often disks were opened for it. */
async function twice(tree: Tree, first: ExportSystem, second: ExportSystem, change = () => {}) {
  const shared = new SharedDisks({ convert: noDisk, digest: noDisk }, '1-1.a');
  const results: { archives: string[]; opened: string[] }[] = [];
  for (const [number, exported] of [first, second].entries()) {
    const scratch = tree.path(`web/scratch-${number}`);
    tree.write({ [`web/scratch-${number}/`]: '' });
    const archives: string[] = [];
    const opened: string[] = [];
    const job: Pick<ExportJob, 'viewer' | 'scratch' | 'signal' | 'share'> = {
      scratch,
      signal: LIVE,
      viewer: async () => ok(viewerOf(['a', 'b', 'c'], opened)),
      share: (name, target, make) => shared.share(tree.path('web'), name, target, make),
    };
    const done = await archiveLayers(exported, job, PACKER, async ({ file }) => {
      archives.push(readFileSync(file, 'utf8'));
      return ok();
    });
    valueIn(done);
    // As exporters do it.
    rmSync(scratch, { recursive: true });
    results.push({ archives, opened });
    change();
  }
  shared[Symbol.dispose]();
  assert.deepEqual(readdirSync(tree.path('web')), []);
  return results;
}

const EXPECTED = ['a: all', 'b: /b', 'c: /c'];

test('the second export of the same layers opens no disk', async () => {
  using tree = new Tree({});
  const [first, second] = await twice(tree, system('a', 'b', 'c'), system('a', 'b', 'c'));
  assert.deepEqual(first?.archives, EXPECTED);
  assert.ok((first?.opened.length ?? 0) > 0);
  assert.deepEqual(second, { archives: EXPECTED, opened: [] });
});

test('a layer that only the second has is compared with the one below it', async () => {
  using tree = new Tree({});
  const [, second] = await twice(tree, system('a', 'b'), system('a', 'b', 'c'));
  // The last layer of the first was mounted in another way: as what is run.
  assert.deepEqual(second?.archives, EXPECTED);
  assert.equal(second?.opened.includes('c'), true);
});

test('where what was kept is gone, the archive is made again', async () => {
  using tree = new Tree({});
  const kept = tree.path('web', sharedName('1-1.a'));
  const [, second] = await twice(tree, system('a', 'b', 'c'), system('a', 'b', 'c'), () => {
    if (existsSync(path.join(kept, '1'))) rmSync(path.join(kept, '1'));
  });
  assert.deepEqual(second?.archives, EXPECTED);
  assert.equal(second?.opened.includes('b'), true);
});
