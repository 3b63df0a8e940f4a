// vlb export to formats with a description of the machine, each as the program that takes it reads it.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { ExportFinished } from '../../src/model/event.ts';
import { Built, TestProject } from '../rig/project.ts';
import { tinyDisk } from '../rig/tiny.ts';

const CONFIG = `
machines:
  web:
    disks:
      - image: 10_base
      - { name: data, size: 64M }
    memory: 512M
    cpus: 2
    firmware: uefi
    networks: [{ mac: '52:54:00:12:34:56' }, { bridge: br0, model: e1000 }]
    exports: [libvirt]
  plain:
    disks:
      - image: 10_base
      - { name: data, size: 64M }
    memory: 64M
    exports: [qemu, vmware, vmdk]
  efi:
    disks: [{ image: 10_base }]
    firmware: uefi
    networks: []
    exports: [qemu]
`;

const OS_RELEASE =
  'printf \'NAME="Debian"\\nID=debian\\nVERSION_ID="12"\\n\' > "$root/etc/release"; ln -sf release "$root/etc/os-release"';

/** Runs a script until its output matches; returns that. */
async function runUntil(script: string, wanted: RegExp): Promise<string> {
  const child = spawn(script, ['--forward', '0:22'].slice(0, script.includes('plain') ? 2 : 0), {
    env: { ...process.env, ACCEL: 'tcg' },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('latin1').on('data', (chunk: string) => {
      text += chunk;
      if (wanted.test(text)) child.kill('SIGKILL');
    });
  }
  const timer = setTimeout(() => child.kill('SIGKILL'), 60_000);
  await new Promise((resolve) => child.on('close', resolve));
  clearTimeout(timer);
  assert.match(text, wanted);
  return text;
}

describe('vlb export of a description', () => {
  let project: TestProject;
  before(async () => {
    project = new TestProject({
      'layers/10_base/modify-disk': tinyDisk({ size: '64M', more: OS_RELEASE }),
      'vlb.yaml': CONFIG,
    });
    const done = new Built(await project.vlb(['export', '--progress', 'json']));
    assert.equal(done.status, 0, done.told);
  });
  after(() => project[Symbol.asyncDispose]());

  const file = (...names: readonly [machine: string, format: string, name: string]) =>
    project.path('build/export', ...names);
  const text = (...names: Parameters<typeof file>) => readFileSync(file(...names), 'utf8');
  /** The value of an XPath expression in a file. */
  const xpath = (name: string, expression: string) =>
    execFileSync('xmllint', ['--xpath', `string(${expression})`, name], { encoding: 'utf8' }).trim();

  test('libvirt: the domain has the machine, its disks are away from the export, and the system is that of the image', () => {
    const at = (expression: string) => xpath(file('web', 'libvirt', 'web.xml'), expression);
    assert.equal(at('/domain/name'), 'web');
    assert.equal(at('/domain/memory'), '512');
    assert.equal(at('/domain/vcpu'), '2');
    assert.equal(at('/domain/os/@firmware'), 'efi');
    assert.equal(at('/domain/devices/disk[1]/source/@file'), '/var/lib/libvirt/images/web.qcow2');
    assert.equal(at('/domain/devices/disk[2]/source/@file'), '/var/lib/libvirt/images/web.data.qcow2');
    assert.equal(at('/domain/devices/interface[1]/mac/@address'), '52:54:00:12:34:56');
    assert.equal(at('/domain/devices/interface[2]/source/@bridge'), 'br0');
    assert.equal(at('//*[local-name()="os"]/@id'), 'http://debian.org/debian/12');
    assert.ok(!text('web', 'libvirt', 'web.xml').includes(project.directory));
  });

  test('qemu: the script starts the machine, with a firmware that finds its disks, and leaves the files as they are', async () => {
    // The disk has no system that boots: the firmware says so on the console.
    const bios = await runUntil(project.path('build/export/plain/qemu/run'), /Booting from Hard Disk/);
    assert.match(bios, /SeaBIOS/);
    await runUntil(project.path('build/export/efi/qemu/run'), /BdsDxe: .*Misc Device/);
    assert.deepEqual(readdirSync(project.path('build/export/efi/qemu')).sort(), [
      'efi.qcow2',
      'manifest.json',
      'run',
    ]);
    const again = new Built(await project.vlb(['export', '--progress', 'json', 'plain', 'efi']));
    assert.match(JSON.stringify(again.events), /"outcome":"fresh".*"outcome":"fresh"/);
  });

  test('vmware: the configuration has the machine and its disks', () => {
    const lines = text('plain', 'vmware', 'plain.vmx').split('\n');
    for (const line of [
      'memSize = "64"',
      'guestOS = "debian11-64"',
      'scsi0:0.fileName = "plain.vmdk"',
      'scsi0:1.fileName = "plain.data.vmdk"',
      'ethernet0.virtualDev = "vmxnet3"',
      'firmware = "bios"',
    ]) {
      assert.ok(lines.includes(line), line);
    }
    const sparse = execFileSync('qemu-img', ['info', file('plain', 'vmware', 'plain.vmdk')], {
      encoding: 'utf8',
    });
    assert.match(sparse, /create type: monolithicSparse/);
  });

  test('the scripts are correct shell', () => {
    const scripts = ['web/libvirt/define', 'plain/qemu/run', 'efi/qemu/run'].map((name) =>
      project.path('build/export', name),
    );
    execFileSync('shellcheck', scripts, { stdio: ['ignore', 'inherit', 'inherit'] });
  });

  test('a changed machine is exported again, with the same bytes for the same machine', async () => {
    const bytes = () =>
      readdirSync(project.path('build/export/web'), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && !/^manifest\.json$|\.qcow2$/.test(entry.name))
        .map((entry) => path.join(entry.parentPath, entry.name))
        .sort()
        .map((name) => [name, readFileSync(name, 'base64')]);
    const exported = async () => {
      const done = new Built(await project.vlb(['export', 'web', '--progress', 'json']));
      assert.equal(done.status, 0, done.told);
      return new Set(
        done.events
          .filter((event): event is ExportFinished => event.type === 'export-finished')
          .map(({ outcome }) => outcome),
      );
    };
    const first = bytes();
    project.write({ 'vlb.yaml': CONFIG.replace('512M', '1G') });
    assert.deepEqual(await exported(), new Set(['written']));
    assert.notDeepEqual(bytes(), first);
    project.write({ 'vlb.yaml': CONFIG });
    assert.deepEqual(await exported(), new Set(['written']));
    assert.deepEqual(bytes(), first);
    assert.deepEqual(await exported(), new Set(['fresh']));
  });
});
