// What udev would say about a volume: names of links that an image chose stay names.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { databaseEntry, linksTo } from '../../../../src/host/images/udev.ts';

const tags = (of: Record<string, string>) => ({ device: '/dev/loop0p1', tags: new Map(Object.entries(of)) });

test('each identifier has its directory', () => {
  const volume = tags({
    UUID: 'u-1',
    LABEL: 'root',
    PART_ENTRY_UUID: 'p-1',
    PART_ENTRY_NAME: 'system',
    TYPE: 'ext4',
  });
  assert.deepEqual(linksTo(volume), [
    'disk/by-uuid/u-1',
    'disk/by-label/root',
    'disk/by-partuuid/p-1',
    'disk/by-partlabel/system',
  ]);
  assert.deepEqual(linksTo(tags({})), []);
});

test('a label is one name, whatever is in it', () => {
  const links = (LABEL: string) => linksTo(tags({ LABEL }));
  assert.deepEqual(links('EFI system'), [String.raw`disk/by-label/EFI\x20system`]);
  assert.deepEqual(links('../../etc'), [String.raw`disk/by-label/..\x2f..\x2fetc`]);
  assert.deepEqual(links('a\nb\0c\\d"$'), [String.raw`disk/by-label/a\x0ab\x00c\x5cd\x22\x24`]);
  assert.deepEqual(links('über'), ['disk/by-label/über']);
  for (const none of ['', '.', '..', 'x'.repeat(256)]) assert.deepEqual(links(none), []);
});

test('a volume inside of another one has the links of the device mapper, and LVM its own', () => {
  const inside = (device: string, name: string) => linksTo({ device, name, tags: new Map() });
  assert.deepEqual(inside('/dev/mapper/my--vg-root', 'my-vg/root'), ['mapper/my--vg-root', 'my-vg/root']);
  assert.deepEqual(inside('/dev/mapper/luks-1', 'luks-1'), ['mapper/luks-1']);
});

test('the entry of the database has the properties that udev gives them', () => {
  const volume = tags({ TYPE: 'ext4', LABEL: 'a b', PART_ENTRY_NUMBER: '3' });
  assert.equal(
    databaseEntry(volume),
    String.raw`I:1
E:ID_FS_TYPE=ext4
E:ID_FS_LABEL=a\x20b
E:ID_FS_LABEL_ENC=a\x20b
E:ID_PART_ENTRY_NUMBER=3
`,
  );
});
