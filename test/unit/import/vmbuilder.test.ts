// vlb import vmbuilder: settings, parts and files as a layer with a system, and what is not imported.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import { importVmbuilder } from '../../../src/import/vmbuilder/import.ts';
import { machine, textOf } from './rig.ts';

const CONFIG = `[DEFAULT]
tmpfs = suid,dev,size=2G
part = web.part
user = ann
name = Ann Example
pass = geheim
copy = files
firstboot = boot.sh

[kvm]
mem = 512
[ubuntu]
suite = noble
flavour = server
components = main, universe
addpkg = openssh-server, vim ; and more
hostname = web
domain = example.org
timezone = Europe/Berlin
ip = 192.0.2.10
mask = 255.255.255.128
gw = 192.0.2.1
frobnicate = yes
[debian]
suite = sid
`;

const FILES = {
  '/w/vm.cfg': CONFIG,
  '/w/web.part': 'root 2000\nswap 512\n/srv 1000 # data\n---\n/var 5000\n',
  '/w/files': 'motd /etc/motd\ngone /etc/gone\n',
  '/w/motd': 'hello\n',
  '/w/boot.sh': '#!/bin/sh\ntrue\n',
};

function imported(files: Readonly<Record<string, string>> = FILES) {
  return importVmbuilder({ file: 'vm.cfg', directory: '/w', layer: '10_base' }, machine(files));
}

test('settings are the system, its disk and steps', () => {
  const made = imported();
  assert.ok(made.ok);
  const text = textOf(made.value, 'layers/10_base/layer.yaml');
  assert.doesNotMatch(text, /geheim/);
  assert.deepEqual(parse(text), {
    system: {
      distribution: 'ubuntu',
      suite: 'noble',
      packages: ['openssh-server', 'vim', 'tzdata', 'sudo'],
      components: ['main', 'universe'],
      kernel: 'linux-image-generic',
    },
    disks: {
      main: {
        size: '3622M',
        partitions: [
          { mount: '/', size: '2000M' },
          { filesystem: 'swap', size: '512M' },
          { mount: '/srv', size: '1000M' },
        ],
      },
    },
    secrets: ['password-ann'],
    steps: [
      { hostname: 'web.example.org' },
      { timezone: 'Europe/Berlin' },
      { network: { address: '192.0.2.10/25', gateway: '192.0.2.1' } },
      { user: { name: 'ann', groups: ['sudo'], shell: '/bin/bash', comment: 'Ann Example' } },
      { copy: { from: './motd', to: '/etc/motd' } },
      { firstboot: './boot.sh' },
      { password: { user: 'ann', password: { secret: 'password-ann' } } },
    ],
  });
  const notes = made.value.notes.map(
    ({ at, text: said, isLost }) => `${isLost ? 'lost' : 'note'} ${at}: ${said}`,
  );
  assert.deepEqual(notes.toSorted(), [
    'lost vm.cfg:11: mem = 512: machines in vlb.yaml have "memory"',
    'lost vm.cfg:23: frobnicate = yes: not an option that vlb knows',
    'lost vm.cfg:7: copy gone: no such file',
    'lost web.part:5: a second disk: give machines in vlb.yaml one',
    'note vm.cfg:2: tmpfs: ignored: of the run of vmbuilder',
    'note vm.cfg:6: pass: the password of ann is a secret, which is not in layer.yaml: build with --secret password-ann=FILE',
  ]);
});

test('without parts, the sizes are those of vmbuilder', () => {
  const made = imported({ '/w/vm.cfg': '[debian]\nsuite = bookworm\nrootsize = 3000\n' });
  assert.ok(made.ok);
  assert.deepEqual(parse(textOf(made.value, 'layers/10_base/layer.yaml')).disks.main.partitions, [
    { mount: '/', size: '3000M' },
    { filesystem: 'swap', size: '1024M' },
  ]);
});

const WRONG: readonly (readonly [config: string, part: string, expected: string])[] = [
  ['[ubuntu]\n<% if x %>\n', '', 'vm.cfg:2: not a setting, like "suite = noble"'],
  ['suite = noble\n', '', 'vm.cfg:1: a setting in front of all sections'],
  ['[ubuntu]\n', '', 'vm.cfg:1: the configuration has no suite'],
  ['[ubuntu]\nsuite = noble\npart = web.part\n', 'root 100\nhome 5\n', '/w/web.part:2: not a part of a disk'],
];

for (const [config, part, expected] of WRONG) {
  test(expected, () => {
    const made = imported({ '/w/vm.cfg': config, '/w/web.part': part });
    assert.ok(!made.ok);
    const { message, where } = made.failure;
    assert.equal(`${where?.file}:${where?.line}: ${message}`, expected);
  });
}
