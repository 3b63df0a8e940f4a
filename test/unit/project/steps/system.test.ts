// `system:` and `disks:` of a layer.yaml: what they become, what is in the recipe, and what is wrong with them, with line and column.

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { kindOf } from '../../../../src/kinds/registry.ts';
import type { Layer } from '../../../../src/model/project.ts';
import { discoverLayers } from '../../../../src/project/layers/discover.ts';
import { withParams } from '../../../../src/project/layers/params.ts';
import { failureIn, PLATFORM, Tree, valueIn } from '../../../rig/tree.ts';

async function read(text: string, params: Readonly<Record<string, string>> = {}, name = '10_base') {
  using tree = new Tree({ [`layers/${name}/layer.yaml`]: text });
  const layers = await discoverLayers(tree.directory, PLATFORM);
  if (!layers.ok) return { tree, layer: layers };
  const [layer] = layers.value;
  assert.ok(layer);
  return { tree, layer: withParams(layer, new Map(Object.entries(params))) };
}

async function layerOf(...args: Parameters<typeof read>): Promise<Layer> {
  return valueIn((await read(...args)).layer);
}

/** `MESSAGE at LINE:COLUMN; HINT` */
async function complaint(text: string): Promise<string> {
  const failure = failureIn((await read(text)).layer);
  assert.equal(failure.kind, 'usage');
  const { line, column } = failure.where ?? {};
  return `${failure.message} at ${line}:${column}${failure.hint === undefined ? '' : `; ${failure.hint}`}`;
}

/** The recipe's lines, with what is the same in all of them left out. */
function recipeOf(layer: Layer): readonly string[] {
  return kindOf(layer)
    .settings(layer)
    .map(({ name, of, value }) => [name, value, of].filter((part) => part !== undefined).join(' '));
}

const SHORT = 'system: { distribution: debian, suite: bookworm }\n';

suite('a system', () => {
  test('is the first layer, on a disk of its own, with a cache for downloads', async () => {
    const { hints, system, steps } = await layerOf(SHORT);
    assert.equal(hints.from, 'scratch');
    assert.equal(hints.diskSize, 4 * 2 ** 30);
    assert.deepEqual(hints.cacheDirs, ['/var/cache/vlb']);
    assert.deepEqual(steps?.all, []);
    assert.deepEqual(
      system?.installation?.disk.partitions.map(({ role }) => role),
      ['bios-boot', 'esp', 'linux'],
    );
    assert.deepEqual(system?.installation?.tools, [
      'apt-get',
      'mcopy',
      'mkfs.ext4',
      'mkfs.vfat',
      'mmdebstrap',
      'sfdisk',
    ]);
  });

  test('has a line of the recipe for each field, and for each partition', async () => {
    const lines = recipeOf(await layerOf(`${SHORT}steps: [{ hostname: web }]\n`));
    assert.deepEqual(
      lines.map((line) => line.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}|[0-9A-F]{4}-[0-9A-F]{4}/g, 'ID')),
      [
        'disk-size 4294967296',
        'root-partition -',
        'system 2',
        'system.components ["main"]',
        'system.distribution "debian"',
        'system.exclude-docs false',
        'system.packages []',
        'system.recommends false',
        'system.suite "bookworm"',
        'system.variant "minbase"',
        'disk.main {"identifier":"ID","sectorSize":512,"size":4294967296,"table":"gpt"}',
        'disk.main.1 {"identifier":"ID","role":"bios-boot","size":1048576,"start":1048576}',
        'disk.main.2 {"content":{"format":"vfat","label":"ESP","mounts":[{"options":["umask=0077","nofail"],"target":"/boot/efi"}],"subvolumes":[],"uuid":"ID"},"identifier":"ID","role":"esp","size":104857600,"start":2097152}',
        'disk.main.3 {"content":{"format":"ext4","label":"root","mounts":[{"options":["errors=remount-ro"],"target":"/"}],"subvolumes":[],"uuid":"ID"},"identifier":"ID","role":"linux","size":4186963968,"start":106954752}',
        'step 1 {"hostname":"web"}',
      ],
    );
  });

  test('is the same for the same meaning: the number of a release, the order of fields, the number of the layer', async () => {
    const one = recipeOf(await layerOf(SHORT));
    const same = `disks: { main: { size: 4096M, partitions: [{ size: rest, label: root, mount: / }] } }
# A comment.
system: { suite: '12', distribution: debian, components: main, packages: [] }
`;
    assert.deepEqual(recipeOf(await layerOf(same, {}, '20_base')), one);
    assert.notDeepEqual(recipeOf(await layerOf(SHORT, {}, '10_other')), one, 'its UUIDs are of its name');
    const more = recipeOf(await layerOf(SHORT.replace('}', ', packages: [curl] }')));
    assert.deepEqual(
      more.filter((line) => !one.includes(line)),
      ['system.packages ["curl"]'],
    );
  });

  test('takes params, which are in the recipe as the values that they have', async () => {
    const text = `params: { SUITE: bookworm, SIZE: 8G }
system: { distribution: debian, suite: '{{ SUITE }}' }
disks: { main: { size: '{{ SIZE }}' } }
`;
    assert.equal((await layerOf(text)).hints.diskSize, 8 * 2 ** 30);
    const other = await layerOf(text, { SUITE: 'trixie', SIZE: '10G' });
    assert.equal(other.hints.diskSize, 10 * 2 ** 30);
    assert.equal(other.system?.installation?.system.suite, 'trixie');
  });

  test('may have LVM and LUKS: a line of the recipe for each volume, and the passphrases are those of the layer', async () => {
    const text = `${SHORT}passphrases: [OTHER]
disks:
  main:
    size: 8G
    partitions:
      - { mount: /boot, size: 512M }
      - { volume-group: vg0, size: rest, passphrase: DISK }
      - { mount: /, volume: vg0/root, size: rest }
      - { mount: /srv, size: 1G, passphrase: DISK }
      - { mount: /opt, size: 1G, passphrase: OTHER }
`;
    const layer = await layerOf(text);
    assert.deepEqual(layer.hints.passphrases, ['OTHER', 'DISK']);
    assert.deepEqual(
      layer.hints.secrets.map(({ name }) => name),
      ['OTHER', 'DISK'],
    );
    const lines = recipeOf(layer).filter((line) => line.startsWith('disk.main.'));
    assert.deepEqual(lines.map((line) => line.replaceAll(/[0-9a-f]{8}-[0-9a-f-]{27}/g, 'ID')).slice(3), [
      'disk.main.4 {"encryption":{"secret":"DISK","uuid":"ID"},"group":"vg0","identifier":"ID","role":"luks","size":5797576704,"start":643825664}',
      'disk.main.5 {"content":{"format":"ext4","mounts":[{"options":["defaults"],"target":"/srv"}],"subvolumes":[],"uuid":"ID"},"encryption":{"secret":"DISK","uuid":"ID"},"identifier":"ID","role":"luks","size":1073741824,"start":6441402368}',
      'disk.main.6 {"content":{"format":"ext4","mounts":[{"options":["defaults"],"target":"/opt"}],"subvolumes":[],"uuid":"ID"},"encryption":{"secret":"OTHER","uuid":"ID"},"identifier":"ID","role":"luks","size":1073741824,"start":7515144192}',
      'disk.main.vg0/root {"content":{"format":"ext4","mounts":[{"options":["errors=remount-ro"],"target":"/"}],"subvolumes":[],"uuid":"ID"},"size":5779750912}',
    ]);
    assert.deepEqual(layer.system?.installation?.placeOfVolumes().line, 8);
  });

  test('may have a release that is not known, from a mirror that has it', async () => {
    const mirror = 'mirror: http://192.0.2.1/debian, security-mirror: http://192.0.2.1/security';
    const { system } = await layerOf(`system: { distribution: debian, suite: duke, ${mirror} }\n`);
    assert.equal(system?.installation?.system.suite, 'duke');
  });
});

const WRONG = [
  [
    'system: { distribution: debiam, suite: bookworm }',
    'unknown distribution "debiam" at 1:11; did you mean debian?',
  ],
  [
    'system: { distribution: haiku, suite: r1 }',
    'unknown distribution "haiku" at 1:11; valid values: debian, ubuntu, fedora, centos-stream, rhel, alma, rocky, amazon; for others, start from an image',
  ],
  [
    'system: { distribution: debian, suite: bokworm }',
    'unknown release "bokworm" of debian at 1:33; did you mean bookworm?',
  ],
  ['system: { distribution: debian }', 'system.suite is missing at 1:1'],
  [
    'system: { distribution: debian, suite: sid, packagez: [x] }',
    'unknown field "system.packagez" at 1:45; did you mean "packages"?',
  ],
  [
    'system:\n  distribution: debian\n  suite: sid\n  packages: [curl, "a;b"]',
    'system.packages.1 must be the name of a package at 4:20',
  ],
  [
    `${SHORT}disks: { main: { size: 10 } }`,
    'disks.main.size must be a size with a unit, like 512M or 20G at 2:18',
  ],
  [
    `${SHORT}disks: { main: { size: 4G, tablez: mbr } }`,
    'unknown field "disks.main.tablez" at 2:28; did you mean "table"?',
  ],
  [`${SHORT}disks: { data: { size: 4G } }`, 'disks.main is missing at 2:1'],
  [
    `${SHORT}disks: { main: { size: 4G }, Data: { size: 4G } }`,
    'disks must be a mapping with main, and further disks by names of small letters, digits and dashes at 2:1',
  ],
  [
    `${SHORT}disks: { main: { size: 4G }, data: { size: 4G, partitions: [{ mount: /, size: rest }] } }`,
    'the system is on the disk main at 2:48',
  ],
  [
    `${SHORT}disks: { main: { size: 4G }, a: { size: 4G, partitions: [{ mount: /srv, size: rest }] }, b: { size: 4G, partitions: [{ mount: /srv, size: rest }] } }`,
    'two disks have what is mounted at /srv at 2:105',
  ],
  [
    `${SHORT}disks:
  main:
    size: 4G
    partitions:
      - { mount: /boot, size: 512M }
      - { mount: /boot, size: rest }`,
    'two partitions are mounted at /boot at 7:11',
  ],
  [
    `${SHORT}disks:
  main:
    size: 4G
    partitions:
      - { mount: /, size: 5G }`,
    'the partitions need 5.1 GiB, which is 1.1 GiB more than a disk of 4.0 GiB has for them at 4:5; make the disk larger by 1.1 GiB, or a partition smaller',
  ],
  [
    `${SHORT}disks:
  main:
    size: 4G
    partitions:
      - { mount: /, size: rest, filesystem: none }`,
    '/ has no file system, and so cannot be mounted at 6:9',
  ],
  [
    'disks: { main: { size: 4G } }\nsteps: [{ hostname: x }]',
    '"disks" is only for a layer with "system" at 1:1',
  ],
  [
    `${SHORT}from: 10_x`,
    'a layer with "system" begins with an empty disk, and is built on no other layer at 2:1; leave "from" out',
  ],
  [
    'system: { distribution: debian, suite: sid, mirror: "http://user:word@example.org/" }',
    'system.mirror must be an http or https URL, without a user and blanks at 1:45',
  ],
  ['system: { distribution: debian, suite: "{{ SUITE }}" }', '"{{ SUITE }}" has no value at 1:33'],
  [
    'system: { distribution: debian, suite: sid, modules: ["nodejs:20"] }',
    'system.modules is not for debian at 1:45',
  ],
  [
    'system: { distribution: debian, suite: sid, packages: ["@core"] }',
    'system.packages.0 must be the name of a package at 1:56',
  ],
  [
    'system: { distribution: rocky, suite: 9, mirror: "http://192.0.2.1/rocky" }',
    'system.mirror of rocky requires "keyring", the keys of its packages at 1:42',
  ],
  [
    'system: { distribution: rhel, suite: 9, mirror: "http://192.0.2.1/rhel" }',
    'system.mirror: where a mirror of rhel has its repositories is not known at 1:41; list them in "repositories"',
  ],
  [
    'system:\n  distribution: rocky\n  suite: 9\n  repositories: [{ name: x, key: none }]',
    'system.repositories.0 must have one of url, metalink and mirrorlist at 4:18',
  ],
  [
    'system: { distribution: debian, suite: sid, snapshot: 20261101T000000Z }',
    'system.snapshot requires "mirror", an archive that has its states by time at 1:45; set it to the URL that is in front of the time',
  ],
  [
    'system: { distribution: debian, suite: sid, snapshot: yesterday }',
    'system.snapshot must be a time like 20261101T000000Z at 1:45',
  ],
  [
    `${SHORT}disks:
  main:
    size: 4G
    partitions:
      - { mount: /, volume: vg0/root, size: rest }`,
    '/ is on LVM, from where vlb cannot boot at 6:11; add a partition for what is read at boot: { mount: /boot, size: 512M }',
  ],
  [
    `${SHORT}disks: { main: { size: 4G, partitions: [{ mount: /, volume: root, size: rest }] } }`,
    'disks.main.partitions.0.volume must be the names of a volume group and a volume, like vg0/var at 2:53',
  ],
  [
    `${SHORT}disks: { main: { size: 4G, partitions: [{ mount: /, volume: vg0/a_rimage, size: rest }] } }`,
    'disks.main.partitions.0.volume must be another name: LVM has this one for itself at 2:53',
  ],
  [
    `params: { KEY: DISK }
${SHORT}disks: { main: { size: 4G, partitions: [{ mount: /srv, size: 1G, passphrase: '{{ KEY }}' }] } }`,
    'a passphrase must be the name of a secret, without params at 3:66',
  ],
  [
    'system: { distribution: debian, suite: duke, repositories: [{ name: x, url: "http://192.0.2.1/x", key: none }] }',
    'unknown release "duke" of debian at 1:33',
  ],
  [
    'system:\n  distribution: debian\n  suite: sid\n  repositories: [{ name: x, metalink: "http://192.0.2.1/x", key: none }]',
    'system.repositories.0 requires a url at 4:3; metalink and mirrorlist are for rpm',
  ],
  [
    'system:\n  distribution: rocky\n  suite: 9\n  repositories: [{ name: x, url: "http://192.0.2.1/x", suites: y, key: none }]',
    "system.repositories.0: suites and components are those of Debian's repositories at 4:3",
  ],
  ['system: debian', 'system must be a mapping with distribution, suite'],
  [`${SHORT}steps: []`, 'steps must be a list, like "- install: nginx" at 2:1'],
] as const;

suite('what is wrong', () => {
  for (const [text, expected] of WRONG) {
    test(expected, async () => {
      const said = await complaint(`${text}\n`);
      assert.ok(said.startsWith(expected), said);
    });
  }
});
