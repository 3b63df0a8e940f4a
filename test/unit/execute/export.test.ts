// Exports: the key, freshness, and how a new export takes the place of an earlier one.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, test } from 'node:test';
import { noteFresh, staleness, targetAt } from '../../../src/execute/export/fresh.ts';
import { exportKey } from '../../../src/execute/export/key.ts';
import { filesIn, MANIFEST_FILE, manifestText, namesOf } from '../../../src/execute/export/manifest.ts';
import { checkTarget, openWorkplace, replaceExport, workplaceAt } from '../../../src/execute/export/place.ts';
import { SharedDisks, sharedName } from '../../../src/execute/export/shared-disks.ts';
import { ok } from '../../../src/model/failure.ts';
import { machineOf } from '../../../src/model/machine/machine.ts';
import type { ExportDisk } from '../../../src/model/ports/exporter.ts';
import type { Images } from '../../../src/model/ports/machine.ts';
import { failureIn, Tree, valueIn } from '../../rig/tree.ts';

const SHA = 'b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9'; // of "hello world"
const LIVE = new AbortController().signal;
const IMAGES = {
  digest: async (file: string) => createHash('sha256').update(readFileSync(file)).digest('hex'),
};

const remove = async (directory: string) => ok(rmSync(directory, { recursive: true, force: true }));

function manifest(...names: string[]): string {
  return manifestText({
    machine: 'web',
    format: 'raw',
    key: 'k',
    vlb: '1',
    git: null,
    files: names.map((name) => ({ name, size: 11, sha256: SHA })),
    disks: [],
  });
}

describe('the key', () => {
  const machine = machineOf('web', '20_app');
  const disks = [{ name: 'main', content: 'a'.repeat(64) }];
  const plain = { version: 1, describesMachine: false };
  const key = exportKey('qcow2', plain, machine, disks, { a: '1', b: '2' });

  test('does not depend on the order of options, nor on what the format leaves out', () => {
    assert.equal(exportKey('qcow2', plain, machine, disks, { b: '2', a: '1' }), key);
    assert.equal(exportKey('qcow2', plain, { ...machine, memory: 1 }, disks, { a: '1', b: '2' }), key);
  });

  test('depends on everything else', () => {
    const others = [
      exportKey('raw', plain, machine, disks, { a: '1', b: '2' }),
      exportKey('qcow2', { ...plain, version: 2 }, machine, disks, { a: '1', b: '2' }),
      exportKey('qcow2', { ...plain, describesMachine: true }, machine, disks, { a: '1', b: '2' }),
      exportKey('qcow2', plain, { ...machine, name: 'db' }, disks, { a: '1', b: '2' }),
      exportKey('qcow2', plain, machine, [{ name: 'main', content: 'b' }], { a: '1', b: '2' }),
      exportKey('qcow2', plain, machine, disks, { a: '1', b: '3' }),
    ];
    assert.equal(new Set([key, ...others]).size, 7);
  });

  test('depends on the machine where the format describes it', () => {
    const described = { version: 1, describesMachine: true };
    const of = (more: object) => exportKey('qcow2', described, { ...machine, ...more }, disks, {});
    const keys = [of({}), of({ memory: 1 }), of({ cpus: 9 }), of({ firmware: 'uefi' }), of({ networks: [] })];
    assert.equal(new Set(keys).size, 5);
  });
});

describe('freshness', () => {
  const exported = () => {
    const tree = new Tree({ 'out/web.raw': 'hello world', [`out/${MANIFEST_FILE}`]: manifest('web.raw') });
    const target = targetAt(tree.path('out'), tree.path('.vlb'));
    noteFresh(target, [MANIFEST_FILE, 'web.raw'], 'key', 'boot');
    return { tree, target };
  };

  test('an export is fresh under its key, and changed under another', async () => {
    const { tree, target } = exported();
    using _tree = tree;
    assert.equal(await staleness(target, 'key', 'boot', IMAGES, LIVE), undefined);
    assert.equal(await staleness(target, 'other', 'boot', IMAGES, LIVE), 'changed');
  });

  test('a file with another time or content is noticed', async () => {
    const { tree, target } = exported();
    using _tree = tree;
    writeFileSync(tree.path('out/web.raw'), 'hello world');
    assert.equal(await staleness(target, 'key', 'boot', IMAGES, LIVE), 'files changed');
  });

  test('after a restart, the digests decide', async () => {
    const { tree, target } = exported();
    using _tree = tree;
    assert.equal(await staleness(target, 'key', 'another boot', IMAGES, LIVE), undefined);
    writeFileSync(tree.path('out/web.raw'), 'hello w\0rld');
    assert.equal(await staleness(target, 'key', 'a third boot', IMAGES, LIVE), 'files changed');
  });

  test('without a manifest there is no export', async () => {
    using tree = new Tree({ 'out/web.raw': '' });
    const target = targetAt(tree.path('out'), tree.path('.vlb'));
    assert.equal(await staleness(target, 'key', 'boot', IMAGES, LIVE), 'not exported');
  });
});

describe('the place', () => {
  const fill = async (tree: Tree, owner: string) => {
    const place = await openWorkplace(tree.path('web/raw'), owner, () => false, remove);
    writeFileSync(path.join(place.fresh, 'web.raw'), 'new');
    writeFileSync(path.join(place.fresh, MANIFEST_FILE), manifest('web.raw'));
    return place;
  };
  const earlier = () =>
    new Tree({
      'web/raw/web.raw': 'old',
      'web/raw/gone.raw': 'old',
      'web/raw/notes': 'mine',
      [`web/raw/${MANIFEST_FILE}`]: manifest('web.raw', 'gone.raw'),
    });
  const isReplaced = (tree: Tree) => {
    assert.deepEqual(readdirSync(tree.path('web/raw')).sort(), [MANIFEST_FILE, 'notes', 'web.raw']);
    assert.equal(readFileSync(tree.path('web/raw/web.raw'), 'utf8'), 'new');
    assert.equal(readFileSync(tree.path('web/raw/notes'), 'utf8'), 'mine');
  };

  test('a new export replaces all files of the earlier one, and keeps others', async () => {
    using tree = earlier();
    await replaceExport(await fill(tree, 'a'), tree.path('web/raw'), remove);
    isReplaced(tree);
  });

  test('that is so in its directories too', async () => {
    using tree = new Tree({
      'web/raw/blobs/a/1': 'old',
      'web/raw/blobs/a/mine': 'mine',
      'web/raw/blobs/b/mine': 'mine',
      [`web/raw/${MANIFEST_FILE}`]: manifest('blobs/a/1'),
    });
    const target = tree.path('web/raw');
    assert.ok(checkTarget(target, ['blobs/a/1', 'blobs/a/2']).ok);
    assert.match(failureIn(checkTarget(target, ['blobs/a/mine'])).where?.file ?? '', /a\/mine$/);
    assert.match(failureIn(checkTarget(target, ['blobs/b/mine/x'])).where?.file ?? '', /b\/mine$/);
    const place = await openWorkplace(target, 'a', () => false, remove);
    mkdirSync(path.join(place.fresh, 'blobs/a'), { recursive: true });
    writeFileSync(path.join(place.fresh, 'blobs/a/2'), 'new');
    await replaceExport(place, target, remove);
    assert.deepEqual(readdirSync(target, { recursive: true }).sort(), [
      'blobs',
      'blobs/a',
      'blobs/a/2',
      'blobs/a/mine',
      'blobs/b',
      'blobs/b/mine',
    ]);
  });

  test('a directory whose files are not listed is replaced as a whole', async () => {
    using tree = new Tree({ 'web/raw/root/etc/old': 'old', 'web/raw/notes': 'mine' });
    const about = { ...JSON.parse(manifest('a')), files: [], tree: { name: 'root', bytes: 9 } };
    writeFileSync(tree.path(`web/raw/${MANIFEST_FILE}`), manifestText(about));
    const target = tree.path('web/raw');
    valueIn(checkTarget(target, namesOf(about)));
    const place = await openWorkplace(target, 'a', () => false, remove);
    mkdirSync(path.join(place.fresh, 'root/etc'), { recursive: true });
    writeFileSync(path.join(place.fresh, 'root/etc/new'), 'new');
    writeFileSync(path.join(place.fresh, MANIFEST_FILE), manifestText(about));
    await replaceExport(place, target, remove);
    assert.deepEqual(readdirSync(target, { recursive: true }).sort(), [
      ...[MANIFEST_FILE, 'notes', 'root', 'root/etc', 'root/etc/new'],
    ]);
    const noted = targetAt(target, tree.path('.vlb'));
    noteFresh(noted, namesOf(about), 'key', 'boot');
    assert.equal(await staleness(noted, 'key', 'boot', IMAGES, LIVE), undefined);
    assert.equal(await staleness(noted, 'key', 'another boot', IMAGES, LIVE), 'files changed');
    rmSync(tree.path('web/raw/root'), { recursive: true });
    assert.equal(await staleness(noted, 'key', 'boot', IMAGES, LIVE), 'files changed');
    writeFileSync(tree.path('web/raw/root'), 'mine');
    rmSync(tree.path(`web/raw/${MANIFEST_FILE}`));
    failureIn(checkTarget(target, namesOf(about)));
  });

  test('killed after the earlier export was moved away: it is put back', async () => {
    using tree = earlier();
    const place = await fill(tree, 'a');
    renameSync(tree.path('web/raw'), place.old);
    await openWorkplace(tree.path('web/raw'), 'b', () => false, remove);
    assert.equal(readFileSync(tree.path('web/raw/web.raw'), 'utf8'), 'old');
    assert.equal(existsSync(place.fresh), false);
  });

  test('killed after the new export was moved in: the rest is done', async () => {
    using tree = earlier();
    const place = await fill(tree, 'a');
    renameSync(tree.path('web/raw'), place.old);
    renameSync(place.fresh, tree.path('web/raw'));
    await openWorkplace(tree.path('web/raw'), 'b', () => false, remove);
    isReplaced(tree);
    assert.equal(existsSync(place.old), false);
  });

  test('what a living process writes stays', async () => {
    using tree = new Tree({});
    const place = await fill(tree, 'a');
    await openWorkplace(tree.path('web/raw'), 'b', (owner) => owner === 'a', remove);
    assert.ok(existsSync(path.join(place.fresh, 'web.raw')));
    assert.notDeepEqual(workplaceAt(tree.path('web/raw'), 'b'), place);
  });

  test('a file of somebody else under a name of the export is not replaced', async () => {
    using tree = new Tree({ 'web/raw/web.raw': 'mine' });
    const failure = failureIn(checkTarget(tree.path('web/raw'), ['web.raw']));
    assert.equal(failure.where?.file, tree.path('web/raw/web.raw'));
    valueIn(checkTarget(tree.path('web/raw'), ['other.raw']));
  });
});

test('a manifest that names files elsewhere is none', async () => {
  assert.equal(filesIn(manifest('../../etc/passwd')), undefined);
  assert.equal(filesIn(manifest('/etc/passwd')), undefined);
  assert.equal(filesIn('{"files":[1]}'), undefined);
  assert.equal(filesIn('nonsense'), undefined);
});

describe('disks that several exports contain', () => {
  const LIVE_DISK = { name: 'main', source: '/store/a.qcow2', content: 'a', size: 10, bytes: 1 };

  function sharing(tree: Tree) {
    const converted: string[] = [];
    const convert: Images['convert'] = async (source, _format, target, _signal, to) => {
      converted.push(`${path.basename(source)} ${to?.format}`);
      return ok(writeFileSync(target, `${source} as ${to?.format}`));
    };
    const digested: string[] = [];
    const digest: Images['digest'] = async (file) => {
      digested.push(path.relative(tree.path(), file));
      return readFileSync(file, 'utf8');
    };
    const shared = new SharedDisks({ convert, digest }, '1-1.a');
    const write = async (disk: ExportDisk, target: string, format: string, signal = LIVE) => {
      mkdirSync(path.dirname(tree.path(target)), { recursive: true });
      const place = path.dirname(path.dirname(tree.path(target)));
      return shared.convert(place, disk, tree.path(target), signal, { format });
    };
    return { shared, converted, digested, write };
  }

  test('are converted once, whether the first export keeps its file or not, and changes of one copy stay there', async () => {
    using tree = new Tree({});
    const { shared, converted, write } = sharing(tree);
    valueIn(await write(LIVE_DISK, 'web/ova/x', 'vmdk'));
    rmSync(tree.path('web/ova'), { recursive: true });
    valueIn(await write({ ...LIVE_DISK, name: 'data' }, 'web/vmdk/x', 'vmdk'));
    valueIn(await write(LIVE_DISK, 'web/vmware/x', 'vmdk'));
    assert.deepEqual(converted, ['a.qcow2 vmdk']);
    writeFileSync(tree.path('web/vmdk/x'), 'changed');
    assert.equal(readFileSync(tree.path('web/vmware/x'), 'utf8'), '/store/a.qcow2 as vmdk');
    shared[Symbol.dispose]();
    assert.deepEqual(readdirSync(tree.path('web')).sort(), ['vmdk', 'vmware']);
  });

  test('are read once for their digests, but for those that were changed afterwards', async () => {
    using tree = new Tree({});
    const { shared, digested, write } = sharing(tree);
    const digest = (file: string) => shared.digest(tree.path(file), LIVE);
    await write(LIVE_DISK, 'web/a/x', 'qcow2');
    assert.equal(await digest('web/a/x'), '/store/a.qcow2 as qcow2');
    await write(LIVE_DISK, 'web/b/x', 'qcow2');
    assert.equal(await digest('web/b/x'), '/store/a.qcow2 as qcow2');
    await write(LIVE_DISK, 'web/c/x', 'qcow2');
    writeFileSync(tree.path('web/c/x'), 'changed');
    assert.equal(await digest('web/c/x'), 'changed');
    await write(LIVE_DISK, 'web/d/x', 'qcow2');
    assert.equal(await digest('web/d/x'), '/store/a.qcow2 as qcow2');
    assert.deepEqual(digested, ['web/a/x', 'web/c/x']);
  });

  test('are converted again for another content, size or form, for another machine, and where the first is gone', async () => {
    using tree = new Tree({});
    const { converted, write } = sharing(tree);
    await write(LIVE_DISK, 'web/a/x', 'qcow2');
    await write({ ...LIVE_DISK, content: 'b' }, 'web/b/x', 'qcow2');
    await write({ ...LIVE_DISK, size: 11 }, 'web/c/x', 'qcow2');
    await write(LIVE_DISK, 'web/d/x', 'vdi');
    assert.equal(converted.length, 4);
    rmSync(tree.path('web', sharedName('1-1.a')), { recursive: true });
    await write(LIVE_DISK, 'web/e/x', 'qcow2');
    await write(LIVE_DISK, 'db/a/x', 'qcow2');
    assert.equal(converted.length, 6);
    assert.deepEqual(readdirSync(tree.path('web')).includes(sharedName('1-1.a')), false);
  });

  test('raw ones are not copied, since a copy has no holes', async () => {
    using tree = new Tree({});
    const { converted, write } = sharing(tree);
    await write(LIVE_DISK, 'web/a/x', 'raw');
    await write(LIVE_DISK, 'web/b/x', 'raw');
    assert.equal(converted.length, 2);
  });

  test('that a killed export left are removed by the next, those of a running one are not', async () => {
    using tree = new Tree({ 'web/.shared-dead/0': '', 'web/.shared-live/0': '' });
    await openWorkplace(tree.path('web/raw'), '2-2.b', (owner) => owner === 'live', remove);
    assert.equal(existsSync(tree.path('web/.shared-dead')), false);
    assert.equal(existsSync(tree.path('web/.shared-live/0')), true);
  });
});
