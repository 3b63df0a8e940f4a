// The XML of domains: what a deployment changes in it, and which disk is the system disk.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { firstDefinition, readDomain, withState } from '../../../src/deploy/libvirt/domain.ts';
import type { DeployState } from '../../../src/deploy/libvirt/state.ts';
import { adoptedState, ownState } from '../../../src/deploy/libvirt/system-disk.ts';
import { domainXml } from '../../../src/machine/libvirt.ts';
import { type Machine, machineOf } from '../../../src/model/machine/machine.ts';

const MACHINE: Machine = {
  ...machineOf('web', '10_base'),
  disks: [
    { name: 'main', image: '10_base' },
    { name: 'data', size: 1024 },
  ],
};
const EXPORTED = domainXml(
  {
    machine: MACHINE,
    arch: 'x86_64',
    disks: [
      { name: 'main', file: 'web.qcow2', size: 1, identity: '' },
      { name: 'data', file: 'web.data.qcow2', size: 1, identity: '' },
    ],
  },
  { directory: '/images', type: 'kvm' },
);
const disk = (number: number, hasAgent = false) => ({
  ...{ number, file: `/pool/web.system.${number}.qcow2`, format: 'qcow2', content: `c${number}`, hasAgent },
});
const STATE: DeployState = {
  ...{ phase: 'settled', pool: '/pool', target: 'vda', memory: 1024, cpus: 1 },
  ...{ current: disk(3, true), next: disk(4), earlier: [disk(2), disk(1)], discarded: [disk(9)] },
  data: ['/pool/a & b'],
};
const FILES = new Map([
  ['main', STATE.current.file],
  ['data', '/pool/web.data.qcow2'],
]);
const DEFINED = firstDefinition(EXPORTED, STATE, FILES);

const failureOf = (result: { readonly ok: boolean; readonly failure?: { readonly message: string } }) =>
  result.failure?.message ?? '';

test('a state is read as it was written, and the disks are those of the pool', () => {
  const domain = readDomain(DEFINED);
  assert.deepEqual(domain.state, STATE);
  assert.deepEqual(
    domain.disks.map(({ target, file }) => `${target} ${file}`),
    ['vda /pool/web.system.3.qcow2', 'vdb /pool/web.data.qcow2'],
  );
  assert.ok(domain.hasChannel);
});

test('only the system disk and the state change; what others wrote stays', () => {
  const others = '<metadata><x:own xmlns:x="urn:x" text="&lt;"/><!-- kept -->';
  const before = DEFINED.replace('<metadata>', others);
  const after = withState(before, { ...STATE, phase: 'trying', current: disk(4) });
  const plain = (xml: string) =>
    xml.replace(/<vlb:deploy[\s\S]*<\/vlb:deploy>/, '').replaceAll(/system\.\d/g, 'system.N');
  assert.equal(plain(after), plain(before));
  assert.equal(readDomain(after).disks[0]?.file, disk(4).file);
  assert.equal([...after.matchAll(/<vlb:deploy /g)].length, 1);
});

test('memory and processors change where vlb.yaml has changed, and not otherwise', () => {
  const edited = DEFINED.replace(/(<memory[^>]*>)\d+/, '$19999');
  assert.match(withState(edited, { ...STATE, cpus: 4 }), />9999<\/memory>[\s\S]*<vcpu>4<\/vcpu>/);
  assert.match(withState(edited, { ...STATE, memory: 2048 }), /unit="MiB">2048<\/memory>/);
});

test('the state of a domain of vlb, and when it is not certain', () => {
  const own = ownState(readDomain(DEFINED), MACHINE);
  assert.ok(own.ok);
  assert.deepEqual(own.value, STATE);
  for (const [xml, message] of [
    [EXPORTED, /not defined by vlb/],
    [DEFINED.replace('phase="settled"', 'phase="other"'), /another version of vlb/],
    [
      DEFINED.replace('file="/pool/web.system.3.qcow2"/>', 'file="/pool/snapshot"/>'),
      /not certain which disk/,
    ],
    [DEFINED.replace('file="/pool/web.data.qcow2"', 'file="/pool/web.system.3.qcow2"'), /the same file/],
    [DEFINED.replace('<serial>data<', '<serial>other<'), /no data disk with the serial number data/],
  ] as const) {
    assert.match(failureOf(ownState(readDomain(xml), MACHINE)), message);
  }
});

test('the system disk of a domain that is taken over', () => {
  const adopt = (...disks: readonly (readonly [target: string, more: string])[]) =>
    adoptedState(
      readDomain(
        `<domain><devices>${disks
          .map(
            ([target, more]) =>
              `<disk type="file"><source file="/d/${target}"/><target dev="${target}"/>${more}</disk>`,
          )
          .join(
            '',
          )}<disk type="file" device="cdrom"><source file="/d/iso"/><target dev="sda"/></disk></devices></domain>`,
      ),
      MACHINE,
      { memory: 1, cpus: 1 },
      undefined,
    );
  const data = '<serial>data</serial>';
  const rest = adopt(['vdb', data], ['vda', '']);
  assert.ok(rest.ok);
  assert.deepEqual([rest.value.target, rest.value.pool, rest.value.current.format], ['vda', '/d', 'raw']);
  const booted = adopt(['vda', ''], ['vdb', '<boot order="1"/>'], ['vdc', data]);
  assert.ok(booted.ok);
  assert.equal(booted.value.target, 'vdb');
  assert.match(failureOf(adopt(['vda', ''], ['vdb', ''], ['vdc', data])), /not certain which disk/);
  assert.match(failureOf(adopt(['vda', ''])), /no data disk with the serial number data/);
  assert.match(failureOf(adopt()), /not certain/);
});
