// Bills of materials: what is read from the databases of packages, and that both formats keep to their schemas.

import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { test } from 'node:test';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { databaseFiles } from '../../../src/diff/packages.ts';
import type { PackageDatabase } from '../../../src/model/disk-diff.ts';
import { ok } from '../../../src/model/failure.ts';
import type { Entry, OpenDisk } from '../../../src/model/ports/viewer.ts';
import { cyclonedxText } from '../../../src/sbom/cyclonedx.ts';
import { type Inventory, readInventory, type Subject } from '../../../src/sbom/inventory.ts';
import { spdxText } from '../../../src/sbom/spdx.ts';
import { SPDX_SCHEMA } from './spdx-schema.ts';

const STATUS = `Package: curl
Status: install ok installed
Architecture: amd64
Version: 7.88.1-10+deb12u12

Package: libcurl4
Status: install ok installed
Architecture: amd64
Source: curl (7.88.1-10+deb12u12)
Version: 7.88.1-10+deb12u12

Package: tzdata
Status: install ok installed
Architecture: all
Version: 1:2025b-0+deb12u1

Package: odd
Status: install ok installed
Architecture: all
Version: 1

Package: ../../../etc/shadow
Status: install ok installed
Architecture: all
Version: 1
`;

const COPYRIGHT = `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: curl

Files: *
Copyright: 1996 Daniel Stenberg
License: curl

Files: lib/x
License: BSD-3-clause or GPL-2+

Files: lib/y
License: none-of-these

License: curl
 the text
`;

const RPM = `gpg-pubkey\tfd431d51-4ae0493b\t(none)\tpubkey\t(none)
bash\t5.2.26-3.fc40\tx86_64\tGPL-3.0-or-later\tbash-5.2.26-3.fc40.src.rpm
bind-libs\t32:9.18.24-1.fc40\tx86_64\tMPL-2.0 AND ISC AND LicenseRef-Fedora-Public-Domain\tbind-9.18.24-1.fc40.src.rpm
old\t1-1\tnoarch\tGPLv2+ and BSD\told-1-1.src.rpm
`;

const APK = `C:Q1abc=
P:musl
V:1.2.4-r2
A:x86_64
L:MIT
o:musl

P:ssl_client
V:1.36.1-r15
A:x86_64
L:GPL-2.0-only
o:busybox

P:odd
V:1-r0
A:noarch
L:custom
`;

const ENTRY: Omit<Entry, 'path'> = {
  ...{ type: 'file', mode: '0644', uid: 0, gid: 0, size: 1, fileSystem: '1', inode: '1', names: 1 },
  ...{ modified: '1', changed: '1' },
};

/** A disk with files, of which those of package databases are texts as `packages` returns them. */
function diskWith(files: Readonly<Record<string, string>>, asked: string[] = []): OpenDisk {
  const never = () => assert.fail('not called');
  return {
    isBtrfs: false,
    rootPartition: 1,
    list: async () => ok(Object.keys(files).map((path) => ({ ...ENTRY, path }))),
    packages: async (database: PackageDatabase) =>
      ok(files[databaseFiles(database, Object.keys(files))[0] ?? ''] ?? ''),
    read: async (file) => {
      asked.push(file);
      return ok(Buffer.from(files[file] ?? ''));
    },
    ...{
      contents: never,
      attributes: never,
      copy: never,
      archive: never,
      squash: never,
      copyTree: never,
      close: never,
    },
  };
}

async function inventoryOf(files: Readonly<Record<string, string>>, asked?: string[]): Promise<Inventory> {
  const read = await readInventory(diskWith(files, asked), 'main');
  return read.ok ? read.value : assert.fail(read.failure.message);
}

const debian = (asked?: string[]) =>
  inventoryOf(
    {
      '/etc/os-release': 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nID=debian\nVERSION_ID="12"\n',
      '/var/lib/dpkg/status': STATUS,
      '/usr/share/doc/curl/copyright': COPYRIGHT,
      '/usr/share/doc/tzdata/copyright': 'This package is in the public domain.\n',
    },
    asked,
  );
const fedora = () =>
  inventoryOf({
    '/etc/os-release': 'ID=fedora\nVERSION_ID=40\n',
    '/usr/lib/sysimage/rpm/rpmdb.sqlite': RPM,
  });
const alpine = () =>
  inventoryOf({ '/etc/os-release': 'ID=alpine\nVERSION_ID=3.19.1\n', '/lib/apk/db/installed': APK });

const subject = (...disks: readonly Inventory[]): Subject => ({
  name: 'web server',
  digest: 'f'.repeat(64),
  created: '2024-05-06T07:08:09.123Z',
  disks,
});

// ---- CycloneDX: its own schemas are in the package of the library

const SCHEMAS = path.join(
  path.dirname(createRequire(import.meta.url).resolve('@cyclonedx/cyclonedx-library/package.json')),
  'res/schema',
);
const schema = (name: string) => JSON.parse(readFileSync(path.join(SCHEMAS, name), 'utf8'));

/** Formats that the library of schemas has none of; the tests look at the values themselves. */
const UNCHECKED = ['uri', 'uri-reference', 'iri-reference', 'idn-email', 'email', 'date-time'];

function validator() {
  const ajv = new Ajv({ strict: false, allErrors: true });
  for (const format of UNCHECKED) ajv.addFormat(format, true);
  return ajv;
}

function cyclonedx(...disks: readonly Inventory[]) {
  const ajv = validator();
  for (const name of ['spdx', 'jsf-0.82', 'cryptography-defs']) {
    const file = `${name}.SNAPSHOT.schema.json`;
    ajv.addSchema(schema(file), `http://cyclonedx.org/schema/${file}`);
  }
  const validate = ajv.compile(schema('bom-1.6.SNAPSHOT.schema.json'));
  const bom = JSON.parse(cyclonedxText(subject(...disks)));
  const isValid: boolean = validate(bom);
  assert.ok(isValid, JSON.stringify(validate.errors));
  return bom;
}

test('CycloneDX: packages of each kind, with URLs and licenses, by its schema', async () => {
  const asked: string[] = [];
  const bom = cyclonedx(await debian(asked));
  assert.ok(!asked.some((file) => file.includes('..')), 'no name of a package leads elsewhere');
  assert.match(bom.serialNumber, /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-5/);
  assert.equal(bom.metadata.timestamp, '2024-05-06T07:08:09.123Z');
  const component = (name: string, all = bom) =>
    all.components.find((one: { name: string }) => one.name === name);
  assert.equal(component('debian').type, 'operating-system');
  assert.equal(component('curl').purl, 'pkg:deb/debian/curl@7.88.1-10+deb12u12?arch=amd64&distro=debian-12');
  assert.deepEqual(component('curl').licenses, [
    { license: { id: 'curl' } },
    { license: { name: 'BSD-3-Clause OR GPL-2.0-or-later' } },
    { license: { name: 'none-of-these' } },
  ]);
  assert.match(component('libcurl4').purl, /&upstream=curl$/);
  assert.match(component('tzdata').purl, /@1:2025b-0\+deb12u1\?/);
  assert.equal(component('tzdata').licenses, undefined);

  const rpms = cyclonedx(await fedora());
  assert.equal(component('gpg-pubkey', rpms), undefined);
  assert.equal(
    component('bind-libs', rpms).purl,
    'pkg:rpm/fedora/bind-libs@9.18.24-1.fc40?arch=x86_64&distro=fedora-40&epoch=32&upstream=bind',
  );
  assert.deepEqual(component('bind-libs', rpms).licenses, [
    { expression: 'MPL-2.0 AND ISC AND LicenseRef-Fedora-Public-Domain' },
  ]);
  assert.deepEqual(component('old', rpms).licenses, [{ license: { name: 'GPLv2+ and BSD' } }]);

  const apks = cyclonedx(await alpine());
  assert.equal(
    component('ssl_client', apks).purl,
    'pkg:apk/alpine/ssl_client@1.36.1-r15?arch=x86_64&distro=alpine-3.19.1&upstream=busybox',
  );
  assert.deepEqual(component('odd', apks).licenses, [{ license: { name: 'custom' } }]);
});

test('SPDX: the same packages, each reference to a license explained, by its schema', async () => {
  // Where the published schema is at hand, the document is checked by that, too. It is not kept here, since it comes with the
  // specification, under the license of that: https://github.com/spdx/spdx-spec/blob/v2.3/schemas/spdx-schema.json
  const file = process.env['VLB_TEST_SPDX_SCHEMA'];
  const schemas: object[] = [SPDX_SCHEMA];
  if (file !== undefined) {
    const text = readFileSync(file);
    const digest = createHash('sha256').update(text).digest('hex');
    assert.equal(digest, '239208b7ac287b3cf5d9a9af23f9d69863971102a5e1587a27a398b43490b89b');
    schemas.push(JSON.parse(text.toString()));
  }
  const validators = schemas.map((one) => validator().compile(one));
  for (const inventory of [await debian(), await fedora(), await alpine()]) {
    const document = JSON.parse(spdxText(subject(inventory)));
    for (const validate of validators) assert.ok(validate(document), JSON.stringify(validate.errors));
    assert.equal(document.creationInfo.created, '2024-05-06T07:08:09Z');
    assert.match(document.documentNamespace, /^https:\/\/spdx\.org\/spdxdocs\/web%20server-[0-9a-f-]{36}$/);
    const ids: string[] = document.packages.map((one: { SPDXID: string }) => one.SPDXID);
    assert.equal(new Set(ids).size, ids.length);
    const explained = document.hasExtractedLicensingInfos.map((one: { licenseId: string }) => one.licenseId);
    const used = JSON.stringify(document.packages).match(/LicenseRef-[A-Za-z0-9.-]+/g) ?? [];
    assert.deepEqual([...new Set(used)].sort(), explained);
    assert.equal(document.relationships.length, ids.length);
  }
  const document = JSON.parse(spdxText(subject(await debian())));
  const curl = document.packages.find((one: { name: string }) => one.name === 'curl');
  assert.equal(
    curl.licenseDeclared,
    'curl AND (BSD-3-Clause OR GPL-2.0-or-later) AND LicenseRef-none-of-these',
  );
  assert.match(curl.externalRefs[0].referenceLocator, /^pkg:deb\/debian\/curl@/);
});

test('the same disks become the same text, and others another identifier', async () => {
  for (const write of [cyclonedxText, spdxText]) {
    const first = write(subject(await debian()));
    assert.equal(write(subject(await debian())), first);
    const uuid = (text: string) => /[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/.exec(text)?.[0];
    assert.notEqual(uuid(write(subject(await alpine()))), uuid(first));
  }
});

test('the packages of several disks are told apart', async () => {
  const [main, data] = [await debian(), { ...(await debian()), disk: 'data' }];
  const refs: string[] = cyclonedx(main, data).components.map((one: { 'bom-ref': string }) => one['bom-ref']);
  assert.equal(new Set(refs).size, refs.length);
  assert.ok(refs.includes('data/pkg:deb/debian/curl@7.88.1-10+deb12u12?arch=amd64&distro=debian-12'));
});

test('whatever a database has in it, the document keeps to its schema', async () => {
  const validate = validator().compile(SPDX_SCHEMA);
  const piece = fc.oneof(
    fc.constantFrom(
      'Package: ',
      'Status: install ok installed\n',
      'Version: ',
      'P:',
      'V:',
      'L:',
      'o:',
      '\n\n',
      '\t',
      '\0',
    ),
    fc.constantFrom('GPL-2+', ' or ', ' with ', '(', ')', 'LicenseRef-', '%', '/', '@', '?', '#', 'é', '..'),
    fc.string({ unit: 'binary', maxLength: 4 }),
  );
  const text = fc.array(piece, { maxLength: 30 }).map((all) => all.join(''));
  const places = fc.constantFrom('/var/lib/dpkg/status', '/lib/apk/db/installed', '/var/lib/rpm/Packages');
  await fc.assert(
    fc.asyncProperty(places, text, async (place, content) => {
      const inventory = await inventoryOf({
        '/etc/os-release': `ID=${content.slice(0, 5)}\n`,
        [place]: content,
      });
      assert.ok(validate(JSON.parse(spdxText(subject(inventory)))), JSON.stringify(validate.errors));
      assert.ok(JSON.parse(cyclonedxText(subject(inventory))));
    }),
    { seed: 42, numRuns: 300, interruptAfterTimeLimit: 2000, markInterruptAsFailure: false },
  );
});
