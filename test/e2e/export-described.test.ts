// vlb export to formats with a description of the machine, each as the program that takes it reads it.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
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
`;

const OS_RELEASE =
  'printf \'NAME="Debian"\\nID=debian\\nVERSION_ID="12"\\n\' > "$root/etc/release"; ln -sf release "$root/etc/os-release"';

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

  const file = (format: string, name: string) => project.path('build/export/web', format, name);
  const text = (format: string, name: string) => readFileSync(file(format, name), 'utf8');
  /** The value of an XPath expression in a file. */
  const xpath = (name: string, expression: string) =>
    execFileSync('xmllint', ['--xpath', `string(${expression})`, name], { encoding: 'utf8' }).trim();

  test('libvirt: the domain has the machine, its disks are away from the export, and the system is that of the image', () => {
    const at = (expression: string) => xpath(file('libvirt', 'web.xml'), expression);
    assert.equal(at('/domain/name'), 'web');
    assert.equal(at('/domain/memory'), '512');
    assert.equal(at('/domain/vcpu'), '2');
    assert.equal(at('/domain/os/@firmware'), 'efi');
    assert.equal(at('/domain/devices/disk[1]/source/@file'), '/var/lib/libvirt/images/web.qcow2');
    assert.equal(at('/domain/devices/disk[2]/source/@file'), '/var/lib/libvirt/images/web.data.qcow2');
    assert.equal(at('/domain/devices/interface[1]/mac/@address'), '52:54:00:12:34:56');
    assert.equal(at('/domain/devices/interface[2]/source/@bridge'), 'br0');
    assert.equal(at('//*[local-name()="os"]/@id'), 'http://debian.org/debian/12');
    assert.ok(!text('libvirt', 'web.xml').includes(project.directory));
  });

  test('the scripts are correct shell', () => {
    const scripts = ['libvirt/define'].map((name) => project.path('build/export/web', name));
    execFileSync('shellcheck', scripts);
  });

  test('a changed machine is exported again, with the same bytes for the same machine', async () => {
    const bytes = () =>
      readdirSync(project.path('build/export/web'), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && !/^manifest\.json$|\.qcow2$/.test(entry.name))
        .map((entry) => path.join(entry.parentPath, entry.name))
        .sort()
        .map((name) => [name, readFileSync(name, 'base64')]);
    const exported = async () => {
      const done = new Built(await project.vlb(['export', '--progress', 'json']));
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
