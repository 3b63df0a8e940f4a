// What formats cannot hold: they refuse it by what is known before anything is built.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { exportersFor } from '../../../src/export/registry.ts';
import { packer } from '../../../src/host/images/pack.ts';
import { packings } from '../../../src/host/images/packings.ts';
import { qemuImg } from '../../../src/host/images/qemu-img.ts';
import { media } from '../../../src/host/media/media.ts';
import { type FormatName, optionsOf } from '../../../src/model/machine/format.ts';
import { type Machine, machineOf, macOf } from '../../../src/model/machine/machine.ts';
import type { ProposedDisk } from '../../../src/model/ports/exporter.ts';

const GIB = 1024 ** 3;
const EXPORTERS = exportersFor({ images: qemuImg, packer, packings, media });

interface Asked {
  readonly disks?: readonly ProposedDisk[];
  /** How many empty disks the machine has besides the system disk. */
  readonly empty?: number;
  readonly networks?: number;
  readonly os?: string;
}

function refusal(format: FormatName, { disks = [], empty = 0, networks = 1, os }: Asked): string | undefined {
  const plain = machineOf('web', '20_app');
  const [card] = plain.networks;
  assert.ok(card);
  const machine: Machine = {
    ...plain,
    ...(os === undefined ? {} : { os }),
    networks: Array.from({ length: networks }, (_, index) => ({ ...card, mac: macOf('web', index) })),
  };
  const system: ProposedDisk = { name: 'main', size: undefined, isEmpty: false };
  const more = Array.from({ length: empty }, (_, index) => ({
    ...{ name: `d${index}`, size: GIB, isEmpty: true },
  }));
  const [first = system, ...others] = [...disks, ...more].length > disks.length ? [system, ...more] : disks;
  const options = optionsOf({ format, options: {} });
  return EXPORTERS[format].refusal?.({ machine, disks: [first, ...others], options })?.message;
}

test('vhd holds at most 2040 GiB; a size that is not known yet is not refused', () => {
  const disk = (size: number | undefined) => ({ disks: [{ name: 'main', size, isEmpty: false }] });
  assert.equal(refusal('vhd', disk(2040 * GIB)), undefined);
  assert.equal(refusal('vhd', disk(undefined)), undefined);
  assert.match(
    refusal('vhd', disk(2041 * GIB)) ?? '',
    /at most 2040 GiB, and the disk main of web has 2\.0 TiB/,
  );
});

test('formats for one disk refuse a second one, and those of one system only one with files', () => {
  for (const format of ['gce', 'containerdisk'] as const) {
    assert.equal(refusal(format, {}), undefined);
    assert.match(refusal(format, { empty: 1 }) ?? '', /holds one disk, and web has 2/);
  }
  for (const format of ['rootfs', 'oci', 'docker', 'ramdisk'] as const) {
    assert.equal(refusal(format, { empty: 1 }), undefined);
    const two = ['main', 'data'].map((name) => ({ name, size: undefined, isEmpty: false }));
    assert.match(refusal(format, { disks: two }) ?? '', /has others on data/);
  }
});

test('formats refuse more disks and network cards than their programs have', () => {
  const limits: readonly (readonly [FormatName, keyof Asked, number, RegExp])[] = [
    ['vmware', 'empty', 14, /at most 15 disks, and web has 16/],
    ['vmware', 'networks', 10, /at most 10 network cards, and web has 11/],
    ['ova', 'empty', 29, /at most 30 disks/],
    ['ova', 'networks', 10, /at most 10 network cards/],
    ['virtualbox', 'empty', 29, /at most 30 disks/],
    ['virtualbox', 'networks', 8, /at most 8 network cards/],
    ['vagrant-virtualbox', 'networks', 8, /at most 8 network cards/],
    ['proxmox', 'empty', 30, /at most 31 disks/],
    ['proxmox', 'networks', 32, /at most 32 network cards/],
    ['hyperv', 'empty', 63, /at most 64 disks/],
    ['hyperv', 'networks', 8, /at most 8 network cards/],
    ['qemu', 'empty', 26, /at most 28 disks and network cards, and web has 29/],
  ];
  for (const [format, what, most, message] of limits) {
    assert.equal(refusal(format, { [what]: most }), undefined, format);
    assert.match(refusal(format, { [what]: most + 1 }) ?? '', message, format);
  }
  assert.match(refusal('qemu', { empty: 6, os: 'win11' }) ?? '', /at most 6 disks/);
  for (const format of ['raw', 'qcow2', 'libvirt', 'openstack'] as const) {
    assert.equal(refusal(format, { empty: 99 }), undefined);
  }
});
