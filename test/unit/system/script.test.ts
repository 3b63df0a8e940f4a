// The shell of installations, as scripts/<name>.txt has it: keys have the version of the installation, so a change of these texts without a
// new version would take old results for new ones. VLB_UPDATE=1 records them.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { installationOf } from '../../../src/system/installation.ts';
import type { DiskFields, DisksFields, SystemFields } from '../../../src/system/schema.ts';
import { systemScripts } from '../../../src/system/script.ts';

interface Example {
  readonly system: SystemFields;
  readonly main?: DiskFields;
  readonly more?: Omit<DisksFields, 'main'>;
  readonly architecture?: string;
}

const EXAMPLES: Readonly<Record<string, Example>> = {
  usual: { system: { distribution: 'debian', suite: '12' } },
  all: {
    system: {
      distribution: 'ubuntu',
      suite: 'noble',
      packages: ['openssh-server', 'nginx=1.2'],
      variant: 'standard',
      recommends: true,
      components: ['main', 'restricted'],
      mirror: 'http://192.0.2.1/ubuntu',
      'security-mirror': 'http://192.0.2.1/security',
      keyring: "./keys/the company's.gpg",
      kernel: 'linux-image-generic',
      'exclude-docs': true,
      files: 'root fs/',
    },
    main: {
      size: '20G',
      table: 'mbr',
      boot: 'bios',
      partitions: [
        { mount: '/boot', size: '1G', filesystem: 'xfs' },
        { size: '1G', filesystem: 'swap' },
        {
          size: 'rest',
          filesystem: 'btrfs',
          subvolumes: [
            { name: '@', mount: '/' },
            { name: '@home', mount: '/home', options: 'compress=zstd' },
          ],
        },
      ],
    },
  },
  arm: {
    system: { distribution: 'debian', suite: 'sid' },
    main: { size: '2G' },
    architecture: 'arm64',
  },
  rpm: {
    system: {
      distribution: 'rocky',
      suite: '9',
      mirror: 'http://192.0.2.1/rocky',
      keyring: 'RPM-GPG-KEY-rocky',
      packages: ['@^minimal-environment', 'nginx'],
    },
  },
  'rpm-all': {
    system: {
      distribution: 'fedora',
      suite: '42',
      packages: ['vim-enhanced', 'python3-*', '@Development Tools'],
      variant: 'standard',
      recommends: true,
      'exclude-docs': true,
      files: './rootfs',
      exclude: ['*-debuginfo', 'plymouth*'],
      modules: ['nodejs:20'],
      languages: ['en', 'de'],
      'ignore-missing': true,
      lock: './my.lock',
      repositories: [
        {
          name: 'fedora',
          metalink: 'https://192.0.2.1/metalink?repo=fedora-$releasever&arch=$basearch',
          key: 'keys/fedora',
        },
        { name: 'own', url: './my.packages', key: 'none', cost: '10', exclude: ['kernel*'] },
        { name: 'kept', url: 'http://192.0.2.1/kept/$releasever', key: './keys/kept', keep: true },
      ],
    },
    main: {
      size: '10G',
      boot: 'uefi',
      partitions: [
        { mount: '/boot', size: '1G' },
        { size: 'rest', filesystem: 'btrfs', subvolumes: [{ name: 'root', mount: '/' }] },
      ],
    },
  },
  snapshot: {
    system: {
      distribution: 'debian',
      suite: '13',
      mirror: 'http://192.0.2.1/archive/debian/',
      'security-mirror': 'http://192.0.2.1/archive/debian-security',
      snapshot: '20261101T000000Z',
      lock: 'packages.lock',
      kernel: 'none',
    },
  },
  volumes: {
    system: { distribution: 'debian', suite: '12', mirror: 'http://192.0.2.1/debian' },
    main: {
      size: '10G',
      partitions: [
        { mount: '/boot', size: '512M' },
        { 'volume-group': 'vg0', size: 'rest', passphrase: 'DISK' },
        { mount: '/', volume: 'vg0/root', size: '4G' },
        { volume: 'vg0/swap', size: '1G', filesystem: 'swap' },
        { mount: '/var', volume: 'vg0/var', size: 'rest', filesystem: 'xfs' },
        { mount: '/srv', size: '1G', passphrase: 'DATA' },
      ],
    },
  },
  'rpm-volumes': {
    system: {
      distribution: 'rocky',
      suite: '9',
      mirror: 'http://192.0.2.1/rocky',
      keyring: 'RPM-GPG-KEY-rocky',
    },
    main: {
      size: '10G',
      partitions: [
        { mount: '/boot', size: '1G' },
        { 'volume-group': 'rocky', size: 'rest', passphrase: 'DISK' },
        { mount: '/', volume: 'rocky/root', size: 'rest' },
      ],
    },
  },
  disks: {
    system: { distribution: 'debian', suite: '12', mirror: 'http://192.0.2.1/debian' },
    main: {
      size: '4G',
      boot: 'bios',
      partitions: [
        { mount: '/', size: 'rest' },
        { mount: '/srv/log', size: '512M' },
      ],
    },
    more: {
      data: { size: '10G', partitions: [{ mount: '/srv', size: 'rest', filesystem: 'xfs' }] },
      spare: { size: '1G' },
    },
  },
  repositories: {
    system: {
      distribution: 'debian',
      suite: '12',
      kernel: 'none',
      mirror: 'http://192.0.2.1/debian',
      repositories: [
        { name: 'own', url: './my.packages', key: 'none' },
        { name: 'tools', url: 'https://192.0.2.1/tools', key: "./keys/it's.asc", keep: true },
        {
          name: 'flat',
          url: 'http://192.0.2.1/flat',
          suites: ['stable/', 'beta/'],
          key: 'none',
          keep: true,
        },
        { name: 'more', url: 'http://192.0.2.1/$(id)', components: ['main', 'extra'], key: 'keys/more.gpg' },
      ],
    },
  },
  amazon: { system: { distribution: 'amazon', suite: '2023', kernel: 'none' } },
  'no-kernel': { system: { distribution: 'debian', suite: 'trixie', kernel: 'none' } },
};

for (const [name, { system, main, more = {}, architecture = 'x64' }] of Object.entries(EXAMPLES)) {
  test(name, () => {
    const about = { name: 'base', architecture, sectorSize: undefined };
    const made = installationOf(system, main && { ...more, main }, about);
    assert.ok(made.ok, JSON.stringify(made));
    const [version] = made.value.settings;
    const placeOf = () => ({ file: 'layer.yaml' });
    const { host, image, names } = systemScripts(
      { ...made.value, placeOf, placeOfVolumes: placeOf },
      architecture,
    );
    for (const text of [host, image, names]) execFileSync('sh', ['-n'], { input: text });
    const text = `version ${version?.value}\n#### host\n${host}#### image\n${image}#### names\n${names}`;
    const file = path.join(import.meta.dirname, 'scripts', `${name}.txt`);
    if (process.env['VLB_UPDATE']) writeFileSync(file, text);
    assert.equal(text, readFileSync(file, 'utf8'));
  });
}

test('an architecture that the distribution has not is an error', () => {
  const made = installationOf({ distribution: 'debian', suite: '12' }, undefined, {
    name: 'base',
    architecture: 's390x',
    sectorSize: undefined,
  });
  assert.ok(!made.ok);
  assert.equal(made.problem.message, 'a system of debian cannot be made on s390x');
});
