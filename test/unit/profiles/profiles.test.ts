// Profiles: those that come with vlb, what they write, and values that do not fit.

import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { parse } from 'yaml';
import { machineFiles, saveProfile, writeMachine } from '../../../src/profiles/machine.ts';
import { profilesIn } from '../../../src/profiles/profile.ts';
import { loadProject } from '../../../src/project/project.ts';
import { REPOSITORY } from '../../rig/project.ts';
import { failureIn, PLATFORM, Tree, valueIn } from '../../rig/tree.ts';

const SHIPPED = path.join(REPOSITORY, 'profiles');
const KEY =
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKaE4VZ1vJqXf0Gm4Ww6mC2n9yYbqvXk7m3c2r1zQ5pT ann@example.org';
const BASE = {
  'layers/10_base/modify-disk': '#!/bin/sh\n# vlb: from scratch\n# vlb: disk-size 1G\n',
  'vlb.yaml': '# ours\nimages:\n  main: 10_base # the base\n',
};

const placesIn = (tree: Tree) => ({ shipped: SHIPPED, own: tree.path('profiles') });
const projectIn = async (tree: Tree) => valueIn(await loadProject(tree.directory, PLATFORM));

test('each profile of vlb makes a valid project, with its defaults and with every field', async () => {
  using empty = new Tree();
  const profiles = valueIn(profilesIn(placesIn(empty)));
  assert.deepEqual(
    profiles.map(({ name }) => name),
    ['development', 'server', 'web-server'],
  );
  const all: Record<string, unknown> = { key: KEY, data: '20G', home: '5G', bridge: 'br0', firmware: 'uefi' };
  for (const { name: profile, fields } of profiles) {
    const given = Object.fromEntries(Object.entries(all).filter(([field]) => field in fields));
    for (const values of [{}, given]) {
      using tree = new Tree(BASE);
      const files = valueIn(
        machineFiles({ profile, machine: 'box', values }, await projectIn(tree), placesIn(tree)),
      );
      valueIn(await writeMachine(files, tree.directory, () => loadProject(tree.directory, PLATFORM)));
      const project = await projectIn(tree);
      const machine = project.machines.find(({ machine: { name } }) => name === 'box')?.machine;
      assert.ok(machine && project.layers.length === files.length, profile);
      assert.equal(machine.disks[0].image, project.layers.at(-1)?.name);
    }
  }
});

test('values are in the files, what is left empty is not, and vlb.yaml keeps its comments', async () => {
  using tree = new Tree(BASE);
  const values = { packages: 'nginx git', user: 'ann', key: KEY, memory: '2G', formats: ['ova', 'qcow2'] };
  const [layer, config] = valueIn(
    machineFiles({ profile: 'server', machine: 'web', values }, await projectIn(tree), placesIn(tree)),
  );
  assert.equal(layer?.path, 'layers/20_web/layer.yaml');
  assert.deepEqual(parse(layer?.text ?? ''), {
    from: '10_base',
    steps: [
      { install: ['nginx', 'git'] },
      { hostname: 'server' },
      { user: { name: 'ann', groups: ['sudo'], shell: '/bin/bash' } },
      { 'ssh-key': { user: 'ann', key: KEY } },
      { sysprep: 'default' },
    ],
  });
  assert.match(config?.text ?? '', /^# ours\nimages:\n {2}main: 10_base # the base\nmachines:\n/);
  assert.deepEqual(parse(config?.text ?? '').machines.web, {
    disks: [{ image: '20_web' }],
    memory: '2G',
    cpus: 1,
    exports: ['ova', 'qcow2'],
  });
});

test('a value that could mean anything else is refused', async () => {
  using tree = new Tree(BASE);
  const project = await projectIn(tree);
  const failureOf = (values: Record<string, unknown>, machine = 'web', profile = 'web-server') =>
    failureIn(machineFiles({ profile, machine, values }, project, placesIn(tree))).message;
  const refused: readonly (readonly [Record<string, unknown>, RegExp])[] = [
    [{ hostname: '$(reboot)' }, /^hostname: letters/],
    [{ hostname: '../x' }, /^hostname/],
    [{ hostname: '' }, /a value is required/],
    [{ user: '-o' }, /^user/],
    [{ page: 'two\nlines' }, /^page: one line/],
    [{ page: '{{ SECRET }}' }, /^page/],
    [{ key: `command="x" ${KEY}` }, /^key/],
    [{ key: `${KEY}\n${KEY}` }, /^key/],
    [{ memory: '1' }, /must be a size from 128M to 1T/],
    [{ memory: '9P' }, /must be a size/],
    [{ cpus: '0' }, /must be a number from 1 to 256/],
    [{ cpus: 1.5 }, /must be a number/],
    [{ firmware: 'coreboot' }, /valid values: bios, uefi/],
    [{ formats: ['zip'] }, /formats/],
    [{ formats: [{}] }, /formats/],
    [{ paint: 'red' }, /unknown field "paint"/],
    [{ toString: 'red' }, /unknown field "toString"/],
  ];
  for (const [values, message] of refused) assert.match(failureOf(values), message, JSON.stringify(values));
  for (const packages of ['-o APT::x', './x.deb', 'a;b', 'a$(b)', '/etc/passwd']) {
    assert.match(failureOf({ packages }, 'web', 'server'), /^packages: names of packages/, packages);
  }
  for (const machine of ['', '../x', 'A', 'a b', 'x'.repeat(65), '.x']) {
    assert.match(failureOf({}, machine), /not a valid name for a machine/, machine);
  }
  assert.match(failureOf({}, 'web', '../../x'), /no profile named/);
});

test('a project that would not be valid is left as it was', async () => {
  using tree = new Tree({
    ...BASE,
    'profiles/bad.yaml':
      'title: Bad\ndescription: Bad\nfields: {}\nlayers:\n  - steps: [{ fly: me }]\nmachine: { disks: [{ image: 10_base }] }\n',
  });
  const files = valueIn(
    machineFiles({ profile: 'bad', machine: 'web', values: {} }, await projectIn(tree), placesIn(tree)),
  );
  const load = () => loadProject(tree.directory, PLATFORM);
  assert.match(failureIn(await writeMachine(files, tree.directory, load)).message, /fly/);
  assert.equal(tree.read('vlb.yaml'), BASE['vlb.yaml']);
  assert.deepEqual(
    (await projectIn(tree)).layers.map(({ name }) => name),
    ['10_base'],
  );
  tree.write({ 'profiles/bad.yaml': 'title: Bad\n' });
  assert.match(failureIn(profilesIn(placesIn(tree))).message, /the profile is not valid/);
});

test('values are saved as a profile of the project', async () => {
  using tree = new Tree(BASE);
  const values = { hostname: 'db', packages: ['postgresql'], data: '10G' };
  assert.equal(
    valueIn(saveProfile({ profile: 'server', values }, 'db', placesIn(tree))),
    tree.path('profiles/db.yaml'),
  );
  const own = valueIn(profilesIn(placesIn(tree))).find(({ name }) => name === 'db');
  assert.ok(own?.isOwn);
  assert.deepEqual([own.fields['hostname']?.default, own.fields['data']?.default], ['db', '10G']);
  assert.match(
    failureIn(saveProfile({ profile: 'server', values }, 'db', placesIn(tree))).message,
    /cannot save/,
  );
  assert.match(
    failureIn(saveProfile({ profile: 'server', values }, '../db', placesIn(tree))).message,
    /valid name/,
  );
});
