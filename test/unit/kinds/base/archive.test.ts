// Which file of an archive is the disk.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { descriptorAmong, diskAmong, firstDisk } from '../../../../src/kinds/base/archive.ts';
import { failureIn, valueIn } from '../../../rig/tree.ts';

test('the disk is the only file, or the only one with the extension of a disk', () => {
  for (const [names, disk] of [
    [['anything'], 'anything'],
    [['README', './disk.raw'], './disk.raw'],
    [['SHA256SUMS', 'a/image.img.xz', 'a/image.img.sig'], 'a/image.img.xz'],
    [['__MACOSX/._a.vhdx', 'a.vhdx'], 'a.vhdx'],
    [['..a.raw'], '..a.raw'],
  ] as const) {
    assert.equal(valueIn(diskAmong(names, 'x.zip')), disk);
  }
});

test('no disk, several, or one outside of the archive is an error', () => {
  for (const [names, says] of [
    [[], /x\.zip is an archive with no disk$/],
    [['a', 'b'], /with no disk$/],
    [['a.raw', 'b.qcow2', 'c'], /with 2 disks$/],
    [['a/../../b.raw'], /a file outside of it: a\/\.\.\/\.\.\/b\.raw$/],
    [['/b.raw'], /a file outside of it: \/b\.raw$/],
  ] as const) {
    assert.match(failureIn(diskAmong(names, 'x.zip')).message, says);
  }
});

test('the first disk of a virtual appliance is the first that its descriptor lists', () => {
  const descriptor = `<?xml version='1.0'?>
    <ovf:Envelope xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1">
      <ovf:References>
        <ovf:File ovf:href="nvram" ovf:id="file3" />
        <ovf:File ovf:href="data.vmdk" ovf:id="file2" ovf:size="1"/>
        <ovf:File ovf:id='file1'
                  ovf:href='a &amp; "b".vmdk'/>
      </ovf:References>
      <DiskSection><Info>Disks</Info>
        <!-- <Disk ovf:fileRef="file2"/> -->
        <Disk ovf:diskId="blank" ovf:capacity="10"/>
        <Disk ovf:diskId="vmdisk1" ovf:fileRef="file1"/>
        <Disk ovf:diskId="vmdisk2" ovf:fileRef="file2"/>
      </DiskSection>
    </ovf:Envelope>`;
  assert.equal(valueIn(firstDisk(descriptor, 'x.ova')), 'a & "b".vmdk');
  assert.match(failureIn(firstDisk('<Envelope/>', 'x.ova')).message, /without a disk/);
  assert.equal(descriptorAmong(['app.ovf', 'a.vmdk']), 'app.ovf');
  assert.equal(descriptorAmong(['a.vmdk', 'app.ovf']), undefined);
});
