// The cure for a missing tool is in the words of the machine's own distribution.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isOlder } from '../../../../src/host/doctor/tools.ts';
import { packageHint, packageManager } from '../../../../src/host/process/packages.ts';

const nowhere = () => false;

test('the distribution determines the package manager', () => {
  for (const [text, expected] of [
    ['NAME="Debian GNU/Linux"\nID=debian\n', 'apt'],
    ['ID=linuxmint\nID_LIKE="ubuntu debian"\n', 'apt'],
    ['ID=fedora\n', 'dnf'],
    ['ID="almalinux"\nID_LIKE="rhel centos fedora"\n', 'dnf'],
    ['ID=arch\n', 'pacman'],
    ["ID='manjaro'\nID_LIKE='arch'\n", 'pacman'],
    ['ID="opensuse-tumbleweed"\nID_LIKE="opensuse suse"\n', 'zypper'],
    ['ID="sles"\nID_LIKE="suse"\n', 'zypper'],
    ['ID=void\n', undefined],
    ['', undefined],
  ] as const) {
    assert.equal(packageManager(text, nowhere), expected, text);
  }
});

test('where its name says nothing, the one that is there', () => {
  assert.equal(
    packageManager('ID=own', (file) => file === '/usr/bin/pacman'),
    'pacman',
  );
  assert.equal(
    packageManager('ID=own', (file) => file === '/usr/bin/apt-get'),
    'apt',
  );
});

test('each has its own names for the packages', () => {
  assert.equal(packageHint('qemu-storage-daemon', 'apt'), 'apt-get install qemu-system-common');
  assert.equal(packageHint('qemu-storage-daemon', 'dnf'), 'dnf install qemu-img');
  assert.equal(packageHint('xorriso', 'pacman'), 'pacman -S libisoburn');
  assert.equal(packageHint('qemu-system-x86_64', 'zypper'), 'zypper install qemu-x86');
  assert.equal(packageHint('mkfs.ext4', 'dnf'), 'dnf install e2fsprogs');
});

test('what is not known is not made up', () => {
  assert.equal(packageHint('mmdebstrap', 'dnf'), 'install mmdebstrap');
  assert.equal(packageHint('frobnicate', 'apt'), 'install frobnicate');
});

test('versions are compared by their numbers', () => {
  assert.deepEqual(
    ['5.2.0', '5.99', '6.0', '6.0.1', '7', '10.0.3'].map((version) => isOlder(version, '6.0')),
    [true, true, false, false, false, false],
  );
  assert.equal(isOlder('', '6.0'), false, 'what says no version is taken as it is');
});
