// Databases of packages, and the order of versions.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { databaseFiles, packageDifferences, parsePackages } from '../../../src/diff/packages.ts';
import { compareVersions } from '../../../src/diff/versions.ts';

const STATUS = `Package: libc6
Status: install ok installed
Priority: optional
Architecture: amd64
Version: 2.36-9+deb12u10
Description: GNU C Library
 Package: not a field
 .
 more

Package: left-behind
Status: deinstall ok config-files
Architecture: all
Version: 1

Package: half
Status: install reinstreq half-installed
Architecture: all
Version: 2

Package: never
Status: unknown ok not-installed
Architecture: all
`;

test("dpkg's status file: what is installed, or half so", () => {
  assert.deepEqual(parsePackages('dpkg', STATUS), [
    { name: 'libc6', version: '2.36-9+deb12u10', architecture: 'amd64' },
    { name: 'half', version: '2', architecture: 'all' },
  ]);
  assert.deepEqual(parsePackages('dpkg', ''), []);
});

test("rpm's lines", () => {
  assert.deepEqual(parsePackages('rpm', 'bash\t5.2.26-3.fc40\tx86_64\nvim\t2:9.1-1\tx86_64\n'), [
    { name: 'bash', version: '5.2.26-3.fc40', architecture: 'x86_64' },
    { name: 'vim', version: '2:9.1-1', architecture: 'x86_64' },
  ]);
});

test('what other databases say besides: sources and licenses', () => {
  const dpkg = STATUS.replace('Priority: optional', 'Source: glibc (2.36)');
  assert.equal(parsePackages('dpkg', dpkg)[0]?.source, 'glibc');
  assert.deepEqual(
    parsePackages(
      'rpm',
      'bash\t5.2-3\tx86_64\tGPL-3.0-or-later\tbash-5.2-3.src.rpm\nbind-libs\t9-1\tx86_64\t(none)\tbind-9-1.nosrc.rpm\n',
    ),
    [
      { name: 'bash', version: '5.2-3', architecture: 'x86_64', license: 'GPL-3.0-or-later' },
      { name: 'bind-libs', version: '9-1', architecture: 'x86_64', source: 'bind' },
    ],
  );
  assert.deepEqual(
    parsePackages(
      'apk',
      'C:Q1=\nP:ssl\nV:1-r0\nA:x86_64\nL:MIT\no:busybox\n\nX:no name\n\nP:musl\nV:2\nA:noarch\no:musl\n',
    ),
    [
      { name: 'ssl', version: '1-r0', architecture: 'x86_64', source: 'busybox', license: 'MIT' },
      { name: 'musl', version: '2', architecture: 'noarch' },
    ],
  );
  assert.deepEqual(databaseFiles('apk', ['/lib/apk/db/installed', '/lib/apk/db/scripts.tar']), [
    '/lib/apk/db/installed',
  ]);
});

test('the files of a database, and of the first where a disk has two', () => {
  assert.deepEqual(
    databaseFiles('dpkg', ['/etc/status', '/var/lib/dpkg/status', '/var/lib/dpkg/status-old']),
    ['/var/lib/dpkg/status'],
  );
  assert.deepEqual(
    databaseFiles('rpm', [
      '/var/lib/rpm/Packages',
      '/usr/lib/sysimage/rpm/rpmdb.sqlite',
      '/usr/lib/sysimage/rpm/rpmdb.sqlite-wal',
      '/usr/lib/sysimage/rpm/.rpm.lock',
    ]),
    ['/usr/lib/sysimage/rpm/rpmdb.sqlite', '/usr/lib/sysimage/rpm/rpmdb.sqlite-wal'],
  );
  assert.deepEqual(databaseFiles('rpm', ['/etc/passwd']), []);
});

test('packages that came, went and changed', () => {
  const one = (name: string, version: string, architecture = 'all') => ({ name, version, architecture });
  const differences = packageDifferences(
    'dpkg',
    [
      one('same', '1'),
      one('gone', '2'),
      one('up', '1.9'),
      one('down', '1:1'),
      one('lib', '1', 'i386'),
      one('kernel', '6.1'),
    ],
    [
      one('same', '1'),
      one('nginx-common', '1'),
      one('nginx', '1'),
      one('up', '1.10'),
      one('down', '2'),
      one('lib', '1', 'amd64'),
      one('kernel', '6.1'),
      one('kernel', '6.2'),
    ],
  );
  assert.deepEqual(
    differences.map(({ change, name, architecture, before, after }) =>
      [change, name, architecture, before ?? '-', after ?? '-'].join(' '),
    ),
    [
      'downgraded down all 1:1 2',
      'removed gone all 2 -',
      'added kernel all - 6.2',
      'added lib amd64 - 1',
      'removed lib i386 1 -',
      'added nginx all - 1',
      'added nginx-common all - 1',
      'upgraded up all 1.9 1.10',
    ],
  );
});

test('versions in their order', () => {
  // Each is newer than the one before it.
  const ascending = [
    '0~~',
    '0~a',
    '0',
    '0a',
    '0+',
    '1.0~rc1',
    '1.0',
    '1.0-0.1',
    '1.0-1',
    '1.0-1+b1',
    '1.0a',
    '1.0.1',
    '1.9',
    '1.10',
    '1.10.1',
    '2',
    '20240101',
    '1:0.1',
  ];
  for (const [at, version] of ascending.entries()) {
    for (const [other, than] of ascending.entries()) {
      assert.equal(
        Math.sign(compareVersions(version, than)),
        Math.sign(at - other),
        `${version} and ${than}`,
      );
    }
  }
  assert.equal(compareVersions('1.01', '1.1'), 0);
  assert.equal(compareVersions('0:1', '1'), 0);
  assert.equal(compareVersions('1-0', '1'), 0);
});
