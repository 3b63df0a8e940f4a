// vlb sbom: real databases of packages on real disks, read without the host following anything of the image.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { leftovers } from '../rig/host-state.ts';
import { TestProject } from '../rig/project.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

const STATUS = ['curl', 'shadow', 'linked'].map(
  (name) => `Package: ${name}\nStatus: install ok installed\nArchitecture: amd64\nVersion: 1.0-1\n\n`,
);
const COPYRIGHT = `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/

Files: *
License: Expat
`;

/** dpkg's files, some of them links: within the image, and to a file that only the host has. */
const DPKG = `
mkdir -p "$root/var/lib/dpkg" "$root/usr/share/doc/curl" "$root/usr/share/doc/shadow"
printf 'ID=debian\\nVERSION_ID=12\\n' > "$root/etc/os-release"
printf '%s' '${STATUS.join('')}' > "$root/var/lib/dpkg/status"
printf '%s' '${COPYRIGHT}' > "$root/usr/share/doc/curl/copyright"
ln -s /usr/share/doc/curl "$root/usr/share/doc/linked"
ln -s "$PLACE/copyright" "$root/usr/share/doc/shadow/copyright"
`;

const SPEC = `Name: greeting
Epoch: 2
Version: 1.5
Release: 3
Summary: x
License: MIT AND GPL-2.0-or-later
BuildArch: noarch
%description
x
%files
`;

const CONFIG = `machines:
  web: { disks: [{ image: 10_base }, { name: rpms, image: 20_rpm }, { name: data, size: 64M }] }
`;

describe('vlb sbom', () => {
  let project: TestProject;
  before(async () => {
    project = new TestProject({
      'layers/20_rpm/build-layer': buildLayer(
        'mkdir -p /usr/lib/sysimage/rpm; cp rpmdb.sqlite /usr/lib/sysimage/rpm; rm -r /var/lib/dpkg',
      ),
      'layers/30_other/build-layer': buildLayer(
        'rm /usr/lib/sysimage/rpm/rpmdb.sqlite; printf RpmP > /usr/lib/sysimage/rpm/Packages.db',
      ),
      'vlb.yaml': CONFIG,
    });
    const above = path.dirname(project.directory);
    project.write({
      'layers/10_base/modify-disk': tinyDisk({ size: '64M', more: DPKG.replace('$PLACE', above) }),
    });
    // The host's own file, at the path that the link in the image has.
    writeFileSync(path.join(above, 'copyright'), COPYRIGHT.replace('Expat', 'ISC'));
    makeRpmDatabase(above, project.path('layers/20_rpm/rpmdb.sqlite'));
    const built = await project.build();
    assert.equal(built.status, 0, built.told);
  });
  after(() => project[Symbol.asyncDispose]());

  const billOf = async (...args: readonly string[]) => {
    const done = await project.vlb(['sbom', ...args]);
    assert.equal(done.status, 0, done.stderr);
    assert.equal(done.stderr, '');
    return done.stdout;
  };
  /** Name, URL and licenses of each package. */
  const packagesIn = (text: string) =>
    (JSON.parse(text).components as { name: string; purl?: string; licenses?: object[] }[])
      .filter(({ purl }) => purl !== undefined)
      .map(({ name, purl, licenses = [] }) => [name, purl, JSON.stringify(licenses)]);

  const MIT = '[{"license":{"id":"MIT"}}]';
  const deb = (name: string, licenses: string) => [
    name,
    `pkg:deb/debian/${name}@1.0-1?arch=amd64&distro=debian-12`,
    licenses,
  ];
  const RPM = [
    'greeting',
    'pkg:rpm/debian/greeting@1.5-3?arch=noarch&distro=debian-12&epoch=2',
    '[{"expression":"MIT AND GPL-2.0-or-later"}]',
  ];

  test("dpkg's packages, with licenses of files that are in the image alone; the same each time", async () => {
    const text = await billOf('10_base');
    assert.deepEqual(packagesIn(text), [deb('curl', MIT), deb('linked', MIT), deb('shadow', '[]')]);
    assert.equal(await billOf('10_base'), text);
    assert.deepEqual(leftovers(project), []);
  });

  test("rpm's packages; what its rpm cannot read is an error, as is a host without it", async () => {
    assert.deepEqual(packagesIn(await billOf('20_rpm')), [RPM]);
    const other = await project.vlb(['sbom', '30_other']);
    assert.equal(other.status, 3, other.stderr);
    assert.match(other.stderr, /cannot read the rpm database Packages\.db/);
    const bin = path.join(path.dirname(project.directory), 'bin');
    mkdirSync(bin);
    for (const place of process.env['PATH']?.split(':').filter((one) => existsSync(one)) ?? []) {
      for (const name of readdirSync(place)) {
        const link = path.join(bin, name);
        if (name !== 'rpm' && !existsSync(link)) symlinkSync(path.join(place, name), link);
      }
    }
    const without = await project.vlb(['sbom', '20_rpm'], { env: { PATH: bin } });
    assert.equal(without.status, 3, without.stderr);
    assert.match(without.stderr, /rpm is not installed[\s\S]*apt-get install rpm/);
  });

  test('a machine has the packages of all its disks; a file is written when it is whole', async () => {
    const file = project.path('web.spdx.json');
    assert.equal(await billOf('web', '--format', 'spdx', '--output', file), '');
    const { packages } = JSON.parse(readFileSync(file, 'utf8')) as { packages: { name: string }[] };
    assert.deepEqual(
      packages.map(({ name }) => name),
      ['web', 'debian', 'debian', 'curl', 'linked', 'shadow', 'greeting'],
    );
    const image = await billOf('build/20_rpm.qcow2');
    assert.equal(packagesIn(image).length, 1);
    const nowhere = await project.vlb(['sbom', 'web', '--output', project.path('no/such/file')]);
    assert.equal(nowhere.status, 3, nowhere.stderr);
  });

  test('what cannot be listed is an error', async () => {
    project.write({ 'layers/40_more/build-layer': buildLayer('rm -r /usr/lib/sysimage') });
    const unbuilt = await project.vlb(['sbom', 'more']);
    assert.equal(unbuilt.status, 2);
    assert.match(unbuilt.stderr, /40_more is not built yet[\s\S]*vlb build 40_more/);
    assert.equal((await project.build()).status, 0);
    const none = await project.vlb(['sbom', 'more']);
    assert.equal(none.status, 2);
    assert.match(none.stderr, /more has no database of packages/);
    const unknown = await project.vlb(['sbom', 'nothing']);
    assert.equal(unknown.status, 2);
  });
});

/** Installs a package in a database of the host's rpm, for the layer that brings it into the image. */
function makeRpmDatabase(place: string, file: string): void {
  const spec = path.join(place, 'greeting.spec');
  writeFileSync(spec, SPEC);
  const run = (command: string, ...args: readonly string[]) =>
    execFileSync(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  run('rpmbuild', '-bb', '--quiet', '--define', `_topdir ${place}/rpm`, spec);
  const made = path.join(place, 'rpm/RPMS/noarch/greeting-1.5-3.noarch.rpm');
  const options = ['--define', '_db_backend sqlite', '--dbpath', path.join(place, 'database')];
  run('rpm', ...options, '--install', '--justdb', '--nodeps', '--nosignature', made);
  copyFileSync(path.join(place, 'database/rpmdb.sqlite'), file);
}
