// vlb export to formats with a description of the machine, each as the program that takes it reads it.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
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
    exports: [qemu, vmware, vmdk, virtualbox, ova, proxmox, openstack, hyperv, vagrant-libvirt, vagrant-virtualbox]
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

  test('libvirt, ova, vmware: the programs that take them read the same machine', () => {
    execFileSync('virt-xml-validate', [file('web', 'libvirt', 'web.xml')], { stdio: 'pipe' });
    for (const [kind, name, bus] of [
      ['ova', 'plain.ova', 'sata'],
      ['vmx', 'plain.vmx', 'scsi'],
    ] as const) {
      const source = file('plain', kind === 'ova' ? 'ova' : 'vmware', name);
      // It looks into no disk, and checks the digests of the archive's manifest.
      const printed = execFileSync('virt-v2v', ['-i', kind, source, '--print-source'], {
        encoding: 'utf8',
        env: { ...process.env, LIBGUESTFS_BACKEND: 'direct' },
      });
      assert.match(printed, /source name: plain\n/);
      assert.match(printed, /memory: 67108864 \(bytes\)\n +nr vCPUs: 1\n/);
      assert.match(printed, new RegExp(`disks:\\n\\t0 \\[${bus}\\]\\n\\t1 \\[${bus}\\]\\n`));
      assert.match(printed, /NICs:\n\t.*vmxnet3/);
    }
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
    ]) {
      assert.ok(lines.includes(line), line);
    }
    const sparse = execFileSync('qemu-img', ['info', file('plain', 'vmware', 'plain.vmdk')], {
      encoding: 'utf8',
    });
    assert.match(sparse, /create type: monolithicSparse/);
  });

  test('virtualbox: the settings name the disks by the identifiers in their files', () => {
    const at = (expression: string) => xpath(file('plain', 'virtualbox', 'plain.vbox'), expression);
    const disk = (number: number, attribute: string) =>
      at(`(//*[local-name()="HardDisk"])[${number}]/@${attribute}`);
    for (const [index, name] of ['plain.vdi', 'plain.data.vdi'].entries()) {
      assert.equal(disk(index + 1, 'location'), name);
      const header = readFileSync(file('plain', 'virtualbox', name)).subarray(0x188, 0x198);
      const fields = [
        header.subarray(0, 4).reverse(),
        header.subarray(4, 6).reverse(),
        header.subarray(6, 8).reverse(),
      ];
      const uuid = [...fields, header.subarray(8, 10), header.subarray(10)].map((part) =>
        part.toString('hex'),
      );
      assert.equal(disk(index + 1, 'uuid'), `{${uuid.join('-')}}`);
      assert.equal(at(`(//*[local-name()="AttachedDevice"])[${index + 1}]/*/@uuid`), `{${uuid.join('-')}}`);
    }
    assert.equal(at('//*[local-name()="Memory"]/@RAMSize'), '64');
    assert.equal(at('//*[local-name()="Machine"]/@OSType'), 'Debian_64');
  });

  test('ova: the descriptor is first, the manifest is right, and the disks are those that it lists', () => {
    const archive = file('plain', 'ova', 'plain.ova');
    const names = execFileSync('tar', ['-tf', archive], { encoding: 'utf8' }).trim().split('\n');
    assert.deepEqual(names, ['plain.ovf', 'plain.mf', 'plain.vmdk', 'plain.data.vmdk']);
    const out = project.path('ova');
    execFileSync('sh', ['-ec', 'mkdir "$2"; tar -C "$2" -xf "$1"', 'sh', archive, out]);
    const manifest = readFileSync(path.join(out, 'plain.mf'), 'utf8');
    const sums = manifest.replaceAll(/^SHA256\((.*)\)= (\w+)$/gm, '$2  $1');
    execFileSync('sha256sum', ['--quiet', '--strict', '-c'], { cwd: out, input: sums });
    assert.equal(sums.split('\n').length, 4);
    const at = (expression: string) => xpath(path.join(out, 'plain.ovf'), expression);
    assert.equal(at('//*[local-name()="File"][2]/@*[local-name()="href"]'), 'plain.data.vmdk');
    assert.equal(
      at('//*[local-name()="File"][1]/@*[local-name()="size"]'),
      `${statSync(path.join(out, 'plain.vmdk')).size}`,
    );
    assert.equal(at('//*[local-name()="Disk"][2]/@*[local-name()="capacity"]'), `${64 * 1024 ** 2}`);
    assert.equal(at('count(//*[local-name()="Item"])'), '6');
  });

  test('boxes: each provider finds its metadata and its disks', () => {
    const list = (format: string) =>
      execFileSync('tar', ['-tf', file('plain', format, 'plain.box')], { encoding: 'utf8' })
        .trim()
        .split('\n');
    assert.deepEqual(list('vagrant-libvirt'), [
      'metadata.json',
      'Vagrantfile',
      'plain.qcow2',
      'plain.data.qcow2',
    ]);
    assert.deepEqual(list('vagrant-virtualbox'), [
      'metadata.json',
      'Vagrantfile',
      'box.ovf',
      'plain.vmdk',
      'plain.data.vmdk',
    ]);
    const metadata = (format: string) =>
      JSON.parse(
        execFileSync('tar', ['-xOf', file('plain', format, 'plain.box'), 'metadata.json'], {
          encoding: 'utf8',
        }),
      );
    assert.equal(metadata('vagrant-virtualbox').provider, 'virtualbox');
    assert.deepEqual(
      metadata('vagrant-libvirt').disks.map(({ path }: { path: string }) => path),
      ['plain.qcow2', 'plain.data.qcow2'],
    );
  });

  test('proxmox, openstack, hyperv: the scripts have the machine', () => {
    assert.match(
      text('plain', 'proxmox', 'import'),
      /--memory 64 [\s\S]*--net0 virtio=52:54:[\s\S]*--scsi1 [^ ]*plain\.data\.qcow2"/,
    );
    assert.match(
      text('plain', 'openstack', 'upload'),
      /--min-ram 64 [\s\S]*os_distro=debian [\s\S]*os_version=12 /,
    );
    assert.match(text('plain', 'hyperv', 'import.ps1'), /-Generation 1 -MemoryStartupBytes 64MB/);
  });

  test('a machine that a format cannot express is refused, with its place in vlb.yaml', async () => {
    const listed = (machine: string) =>
      project.write({ 'vlb.yaml': `machines:\n  bad:\n    disks: [{ image: 10_base }]\n${machine}` });
    for (const [machine, line, message] of [
      ['    firmware: uefi\n    exports: [vagrant-libvirt]\n', 5, 'cannot express firmware: uefi'],
      [
        '    firmware: uefi\n    secure-boot: true\n    exports:\n      - virtualbox\n',
        7,
        'cannot express secure-boot: true',
      ],
      ['    networks: [{ model: rtl8139 }]\n    exports: [vmware]\n', 5, 'has no network card rtl8139'],
    ] as const) {
      listed(machine);
      const refused = await project.vlb(['export', 'bad']);
      assert.equal(refused.status, 2, refused.stderr);
      assert.ok(refused.stderr.includes(message), refused.stderr);
      assert.match(refused.stderr, new RegExp(`at vlb\\.yaml:${line}`));
    }
    project.write({ 'vlb.yaml': CONFIG });
    assert.ok(!existsSync(project.path('build/export/bad')), 'refused before any work');
  });

  test('the scripts are correct shell', () => {
    const scripts = [
      'web/libvirt/define',
      'plain/qemu/run',
      'efi/qemu/run',
      'plain/proxmox/import',
      'plain/openstack/upload',
    ].map((name) => project.path('build/export', name));
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
