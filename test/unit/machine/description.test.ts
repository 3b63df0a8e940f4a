// Descriptions of machines: what differs with firmware, operating system, processor and disks.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { type Arch, type Description, diskIdentity, diskTarget } from '../../../src/machine/description.ts';
import { hypervScript } from '../../../src/machine/hyperv.ts';
import { domainXml } from '../../../src/machine/libvirt.ts';
import { openstackScript } from '../../../src/machine/openstack.ts';
import { ovf } from '../../../src/machine/ovf.ts';
import { proxmoxScript } from '../../../src/machine/proxmox.ts';
import { runScript } from '../../../src/machine/qemu-script.ts';
import { vbox } from '../../../src/machine/virtualbox.ts';
import { vmx } from '../../../src/machine/vmware.ts';
import { type Machine, machineOf } from '../../../src/model/machine/machine.ts';

function described(machine: Partial<Machine>, arch: Arch = 'x86_64'): Description {
  const identity = diskIdentity({ content: 'a', size: 1024 ** 3 });
  const main = { name: 'main', file: 'web.qcow2', size: 1024 ** 3, identity };
  return { machine: { ...machineOf('web', '20_app'), ...machine }, arch, disks: [main] };
}

const SECURE = { firmware: 'uefi', secureBoot: true } as const;
const domain = (description: Description) => domainXml(description, { directory: '/d', type: 'kvm' });
const ovfOf = (description: Description) =>
  ovf(description, { files: [{ name: 'web.vmdk', size: 1 }], forVirtualBox: false });

describe('Secure Boot and UEFI', () => {
  test('each program has its own words', () => {
    const secure = described(SECURE);
    assert.match(domain(secure), /<feature enabled="yes" name="secure-boot"\/>/);
    assert.match(domain(secure), /<smm state="on"\/>/);
    assert.match(vmx(secure), /^uefi\.secureBoot\.enabled = "TRUE"$/m);
    assert.match(ovfOf(secure), /vmw:key="bootOptions\.efiSecureBootEnabled" vmw:value="true"/);
    assert.match(proxmoxScript(secure), /pre-enrolled-keys=1/);
    assert.match(openstackScript(secure), /os_secure_boot=required/);
    assert.match(hypervScript(secure), /-Generation 2 [\s\S]*EnableSecureBoot On/);
    assert.match(runScript(secure), /OVMF_CODE_4M\.ms\.fd/);
  });

  test('without them, none of these words is there', () => {
    const plain = described({});
    for (const text of [domain, vmx, ovfOf, proxmoxScript, openstackScript, hypervScript, runScript, vbox]) {
      assert.doesNotMatch(text(plain), /secure.?boot|efi\b|smm|pflash/i);
    }
    assert.match(proxmoxScript(described({ firmware: 'uefi' })), /pre-enrolled-keys=0/);
    assert.match(hypervScript(described({ firmware: 'uefi' })), /EnableSecureBoot Off/);
  });
});

test('Windows gets disks and a clock that it knows', () => {
  const windows = described({ os: 'win11' });
  assert.match(domain(windows), /<target dev="sda" bus="sata"\/>/);
  assert.match(domain(windows), /<clock offset="localtime"\/>/);
  assert.match(proxmoxScript(windows), /--sata0 /);
  assert.match(vbox(windows), /OSType="Windows10_64"/);
});

test('a machine for arm64 has a UEFI and no devices of PCs', () => {
  const xml = domain(described({}, 'aarch64'));
  assert.match(xml, /<os firmware="efi">/);
  assert.doesNotMatch(xml, /q35|apic|vga/);
  assert.match(runScript(described({}, 'aarch64')), /qemu-system-aarch64[\s\S]*AAVMF_CODE/);
});

test('a machine without network cards has none', () => {
  const alone = described({ networks: [] });
  assert.doesNotMatch(domain(alone), /<interface/);
  assert.match(runScript(alone), /-nic none/);
  for (const text of [vmx, ovfOf, vbox, proxmoxScript])
    assert.doesNotMatch(text(alone), /ethernet0|<Adapter|net0|VmxNet3/);
});

test('an unknown system becomes a generic Linux', () => {
  const unknown = described({ os: 'linuxmint' });
  assert.match(vmx(unknown), /guestOS = "other5xlinux-64"/);
  assert.match(vbox(unknown), /OSType="Linux26_64"/);
  assert.doesNotMatch(domain(unknown), /libosinfo/);
});

test('the names of disks go on after z', () => {
  assert.deepEqual(
    [0, 25, 26, 27, 52].map((index) => diskTarget('vd', index)),
    ['vda', 'vdz', 'vdaa', 'vdab', 'vdba'],
  );
});

test('the identifier of a disk depends on its content and size', () => {
  const of = (content: string, size: number) => diskIdentity({ content, size });
  assert.equal(new Set([of('a', 1), of('b', 1), of('a', 2)]).size, 3);
  assert.equal(of('a', 1), of('a', 1));
});
