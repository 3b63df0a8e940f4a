// A kickstart file in the place of a layer.yaml: the system, the disk and the steps that it amounts to, what is wrong, and where.

import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, suite, test } from 'node:test';
import type { Layer } from '../../../../src/model/project.ts';
import { discoverLayers } from '../../../../src/project/layers/discover.ts';
import { dividedSizes } from '../../../../src/translate/kickstart/divided.ts';

const project = mkdtempSync(path.join(tmpdir(), 'vlb-test-'));
const directory = path.join(project, 'layers/10_base');
after(() => rmSync(project, { recursive: true }));

const TOP = '# vlb: system rocky 9\n';

async function read(text: string, others: Readonly<Record<string, string>> = {}) {
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  for (const [name, content] of Object.entries({ 'web.ks': text, ...others })) {
    writeFileSync(path.join(directory, name), content);
  }
  return discoverLayers(project, { architecture: 'x64', os: 'linux' });
}

async function installed(text: string, others: Readonly<Record<string, string>> = {}) {
  const found = await read(text, others);
  assert.ok(found.ok, JSON.stringify(found));
  const [layer] = found.value as readonly [Layer]; // there is one directory
  const made = layer.system?.resolve({});
  assert.ok(made?.ok, JSON.stringify(made));
  const steps = layer.steps?.resolve({});
  assert.ok(steps?.ok, JSON.stringify(steps));
  return { layer, ...made.value, steps: steps.value.all };
}

async function parts(text: string): Promise<readonly string[]> {
  const { disk } = await installed(text);
  const volumes = disk.groups.flatMap(({ name: group, volumes: all }) =>
    all.map((one) => ({ ...one, role: `${group}/${one.name}` })),
  );
  return [...disk.partitions, ...volumes].map(({ role, size, content }) => {
    const mounts = content?.mounts.map(({ target }) => target).join(',') ?? '';
    return [role, size / 1024 / 1024, content?.format ?? '-', mounts].join(' ').trim();
  });
}

/** What is wrong, with its place and the advice. */
async function complaint(text: string, others: Readonly<Record<string, string>> = {}): Promise<string> {
  const found = await read(text, others);
  let failed = found.ok ? undefined : found.failure;
  const [layer] = found.ok ? found.value : [];
  for (const result of [layer?.system?.resolve({}), layer?.steps?.resolve({})]) {
    if (result && !result.ok) failed ??= result.failure;
  }
  assert.ok(failed);
  const { file = '', line } = failed.where ?? {};
  const advice = failed.hint === undefined ? '' : `; ${failed.hint}`;
  return `${path.relative(directory, file)}:${line}: ${failed.message}${advice}`;
}

test('packages, repositories and settings are those of a system', async () => {
  const { system, steps, layer } = await installed(
    `${TOP}# vlb: keyring keys/all
# vlb: mirror https://far.example/rocky http://192.0.2.1/near
# vlb: timeout 600
url --url=https://far.example/rocky/9/BaseOS
repo --name="Extra Packages" --mirrorlist=https://far.example/metalink?repo=x&arch=$basearch --cost=50 --install
lang de_DE
module --name=nodejs --stream=20
rootpw --iscrypted $6$salt$hash
%packages --excludedocs --exclude-weakdeps --inst-langs=en,de --ignoremissing --nocore
@^minimal-environment
vim-enhanced # an editor
-*firmware
%end
%post --interpreter=/bin/bash
echo {{ it is no parameter }}
%end
`,
  );
  assert.deepEqual(system, {
    distribution: 'rocky',
    suite: '9',
    packages: ['@^minimal-environment', 'vim-enhanced', 'glibc-langpack-de'],
    variant: 'minbase',
    recommends: false,
    components: [],
    excludeDocs: true,
    repositories: [
      { name: 'installation', url: 'http://192.0.2.1/near/9/BaseOS', key: 'keys/all' },
      {
        name: 'Extra-Packages',
        from: { type: 'metalink', url: 'https://far.example/metalink?repo=x&arch=$basearch' },
        key: 'keys/all',
        cost: 50,
        keep: true,
      },
    ],
    excludes: ['*firmware'],
    modules: ['nodejs:20'],
    languages: ['en', 'de'],
    ignoreMissing: true,
  });
  assert.equal(layer.hints.timeout, 600);
  assert.deepEqual(
    steps.map(({ verb, where }) => `${verb} ${where.line}`),
    ['locale 7', 'root-password 9', 'run 15'],
  );
  assert.match(steps[2]?.text ?? '', /#!\/bin\/bash/);
});

test('a password in plain text is hashed, the same each time', async () => {
  const text = `${TOP}rootpw geheim\nuser --name=ann --password=geheim\n`;
  const steps = (await installed(text)).steps.map((step) => step.text);
  assert.doesNotMatch(steps.join(), /geheim/);
  assert.equal(steps.join().match(/\$6\$/g)?.length, 2);
  assert.deepEqual(
    (await installed(text)).steps.map((step) => step.text),
    steps,
  );
});

test('the distribution is known from #version, repositories, or the name of the file', async () => {
  assert.equal((await installed('#version=RHEL9\n')).system.distribution, 'rhel');
  assert.equal((await installed('#version=F42\n')).system.suite, '42');
  const { system } = await installed('url --url=https://far.example/almalinux/10/BaseOS/x86_64/os\n');
  assert.deepEqual([system.distribution, system.suite], ['alma', '10']);
  assert.equal(
    await complaint('lang en_US\n'),
    'web.ks:1: the kickstart does not say of which distribution it is; add a line at its top: # vlb: system rocky 9',
  );
});

suite('disks', () => {
  test('partitions with sizes and a label, and what the firmware needs', async () => {
    assert.deepEqual(
      await parts(
        `${TOP}# vlb: disk-size 4G\npart biosboot --size=1\npart /boot --size=500 --fstype=ext4\npart swap --size=256\npart / --grow --size=1000 --label=root\n`,
      ),
      [
        'bios-boot 1 -',
        'esp 100 vfat /boot/efi',
        'linux 500 ext4 /boot',
        'swap 256 swap',
        'linux 3237 xfs /',
      ],
    );
  });

  test('autopart, plain and btrfs', async () => {
    assert.deepEqual((await parts(`${TOP}autopart --type=plain --noswap --nohome\n`)).slice(2), [
      'linux 1024 xfs /boot',
      'linux 9113 xfs /',
    ]);
    assert.deepEqual((await parts(`${TOP}autopart --type=btrfs\n`)).slice(3), [
      'swap 1024 swap',
      'linux 8089 btrfs /,/home',
    ]);
  });

  test('btrfs with subvolumes', async () => {
    const text = `${TOP}part /boot --size=500
part btrfs.1 --size=3000
btrfs none --label=all btrfs.1
btrfs / --subvol --name=root all
btrfs /home --subvol --name=home LABEL=all
`;
    assert.deepEqual((await parts(text)).slice(2), ['linux 500 xfs /boot', 'linux 3000 btrfs /,/home']);
  });

  test('volume groups, on a partition that is encrypted', async () => {
    const text = `${TOP}# vlb: passphrase DISK
part /boot --size=500
part pv.01 --size=1 --grow --encrypted --passphrase=word
volgroup vg0 pv.01 --pesize=32768
logvol / --vgname=vg0 --name=root --size=1000 --grow --label=root
logvol swap --vgname=vg0 --name=swap --size=256
`;
    const { layer } = await installed(text);
    assert.deepEqual(layer.hints.passphrases, ['DISK']);
    assert.deepEqual((await parts(text)).slice(2), [
      'linux 500 xfs /boot',
      'luks 3493 -',
      'vg0/root 3220 xfs /',
      'vg0/swap 256 swap',
    ]);
    assert.deepEqual(
      layer.system?.notes?.filter((note) => note.includes('pesize') || note.includes('passphrase')),
      [
        'web.ks:4: part: --passphrase: ignored, it is in the secret DISK',
        'web.ks:5: volgroup: --pesize: ignored, extents are 4 MiB',
      ],
    );
  });

  test('autopart with LVM', async () => {
    assert.deepEqual((await parts(`${TOP}autopart\n`)).slice(2), [
      'linux 1024 xfs /boot',
      'lvm 9113 -',
      'rocky/swap 1024 swap',
      'rocky/root 8088 xfs /',
    ]);
  });

  test('a disk that %pre divides, by parts that it writes to a file', async () => {
    const text = `${TOP}%pre
fstype=ext4
parted -s /dev/sda -- mklabel gpt
parted -s /dev/sda -- mkpart biosboot 1MiB 2MiB set 1 bios_grub on
parted -s /dev/sda -- mkpart '"EFI System Partition"' fat32 2MiB 202MiB set 2 esp on
parted -s /dev/sda -- mkpart root $fstype 202MiB 100%
cat > /tmp/parts.ks <<EOF
part biosboot --fstype=biosboot --onpart=sda1
part /boot/efi --fstype=efi --onpart=sda2
part / --fstype=$fstype --onpart=sda3
EOF
%end
%include /tmp/parts.ks
`;
    assert.deepEqual(await parts(text), ['bios-boot 1 -', 'esp 200 vfat /boot/efi', 'linux 3893 ext4 /']);
    const other = `${TOP}%pre\nparted /dev/vda mkpart primary xfs 1MiB 3001MiB\n%end\n`;
    assert.deepEqual((await parts(`${other}part / --size=1000 --grow --onpart=vda1\n`)).slice(2), [
      'linux 3000 xfs /',
    ]);
    assert.deepEqual(dividedSizes('parted /dev/vda mkpart primary ext2 1MiB 10.7GB\n'), [10203]);
  });
});

test('one of several files that include each other is the kickstart', async () => {
  const { layer } = await installed(`${TOP}%include common.ks\n`, { 'common.ks': 'lang C\n' });
  assert.equal(layer.file, 'web.ks');
  assert.deepEqual(layer.steps?.files, ['web.ks', 'common.ks']);
  const quoted = await installed(`${TOP}%include "common.ks"\n`, { 'common.ks': 'lang C\n' });
  assert.equal(quoted.layer.file, 'web.ks');
  assert.match(
    await complaint(TOP, { 'other.ks': 'lang C\n' }),
    /two kickstart files, (other|web)\.ks and (other|web)\.ks/,
  );
});

const WRONG: readonly (readonly [text: string, expected: string])[] = [
  ['lnag en_US', 'web.ks:2: unknown command "lnag"; did you mean lang?'],
  [
    '%include gone.ks',
    'web.ks:2: gone.ks: no such file; add it to the layer; a path is relative to the file that names it',
  ],
  ['%include web.ks', 'web.ks:2: files include each other in a cycle: web.ks → web.ks'],
  [
    '%pre\ncat > /tmp/a.ks <<EOF\n%include /tmp/a.ks\nEOF\n%end\n%include /tmp/a.ks',
    'web.ks:7: files include each other in a cycle: /tmp/a.ks → /tmp/a.ks',
  ],
  ['part pv.1 --size=1', 'web.ks:2: part: pv.1 is in no volume group'],
  ['volgroup vg0 pv.1', 'web.ks:2: volgroup: there is no partition pv.1'],
  ['logvol / --vgname=vg0 --name=root --size=500', 'web.ks:2: logvol: there is no volume group vg0'],
  ['logvol / --vgname=vg0 --size=500', 'web.ks:2: logvol: requires --vgname and --name'],
  [
    'part pv.1 --size=500\nvolgroup vg0 pv.1\nlogvol / --vgname=vg0 --name=r --percent=50',
    'web.ks:4: logvol: --percent: write --size, in MiB, or --grow',
  ],
  [
    'part /boot --size=500\npart pv.1 --size=500\nvolgroup vg0 pv.1\nlogvol / --vgname=vg0 --name=r --size=600',
    'web.ks:3: the volumes of vg0 need 600 MiB, which is 104 MiB more than the group has for them; make the partition of vg0 larger by 104 MiB, or a volume smaller',
  ],
  ['autopart --type=thinp', 'web.ks:2: autopart: --type=thinp: use one of lvm, plain, btrfs'],
  [
    'part / --size=500 --encrypted --passphrase=x',
    'web.ks:2: part: --encrypted: the passphrase is a secret: add a line at the top, # vlb: passphrase NAME, and build with --secret NAME=FILE',
  ],
  [
    'part / --size=1 --fstype=ext5',
    'web.ks:2: part: --fstype=ext5: a file system that vlb does not make; did you mean ext3?',
  ],
  ['part / --size=5G', 'web.ks:2: part: --size=5G: must be a number, in MiB'],
  [
    'part / --size=500 --ondisk=/dev/disk/by-id/x',
    'web.ks:2: part: --ondisk=disk/by-id/x: write a name like sda',
  ],
  [
    'part / --onpart=vda1',
    'web.ks:2: part --onpart: the size of this partition is not known; write --size or --grow in place of --onpart, or divide the disk with parted in %pre',
  ],
  ['part / --size=500\npart /a --size=10\npart /a --size=10', 'web.ks:4: two partitions are mounted at /a'],
  ['# vlb: system rocky', 'web.ks:2: the hint system requires a distribution and a release, like "rocky 9"'],
  ['repo --name=x', 'web.ks:2: repo: requires --baseurl, --mirrorlist or --metalink'],
  [
    'url --url=ftp://192.0.2.1/',
    'web.ks:2: system.repositories.0.url must be an http or https URL, or a directory of the layer like ./packages',
  ],
  ['%packages\nvim\na"b\n%end', 'web.ks:4: system.packages.1 must be the name of a package'],
  ['cdrom', 'web.ks:2: cdrom: packages come from the repositories of the image'],
  [
    'ostreecontainer --url=x',
    'web.ks:2: ostreecontainer --url=x: an image of packages cannot become one of commits: take an image that is made of them as the base',
  ],
  [
    '%pre\necho hello\n%end',
    'web.ks:2: %pre: it would run in the installer: write the commands that it makes',
  ],
  [
    '%post --nochroot\ntrue\n%end',
    'web.ks:2: %post: --nochroot runs in the installer, with the system at /mnt/sysimage: use a modify-disk',
  ],
];

suite('what is wrong', () => {
  for (const [text, expected] of WRONG) {
    test(expected, async () => assert.equal(await complaint(`${TOP}${text}\n`), expected));
  }
});

test('CRLF and tabs are read', async () => {
  const { steps } = await installed(`${TOP}lang\tC.UTF-8\r\nkeyboard\tde\r\n`);
  assert.deepEqual(
    steps.map(({ title }) => title),
    ['locale C.UTF-8', 'keymap de'],
  );
});

suite('--ondisk', () => {
  test('makes a disk for each name, and the one with the root is the main one', async () => {
    const { disk, further } = await installed(
      `${TOP}part /data --size=1024 --ondisk=sda\npart / --size=4096 --ondisk=/dev/sdb\npart /boot --size=512\n`,
    );
    const mountsOf = ({ partitions }: typeof disk) =>
      partitions.flatMap(({ content }) => content?.mounts.map(({ target }) => target) ?? []);
    assert.deepEqual(mountsOf(disk), ['/boot/efi', '/', '/boot']);
    assert.deepEqual(
      further.map((one) => [one.name, one.disk.size / 2 ** 30, ...mountsOf(one.disk)]),
      [['sda', 2, '/data']],
    );
  });

  test('volumes are on the disk of their group, which is one', async () => {
    const text = `${TOP}part / --size=4096 --ondisk=sda\npart pv.01 --size=2048 --ondisk=sdb\n`;
    const group = 'volgroup vg0 pv.01\nlogvol /srv --vgname=vg0 --name=srv --size=512\n';
    const { further } = await installed(text + group);
    assert.deepEqual(
      further.map(({ name, disk }) => [name, disk.groups.map((one) => one.name).join()]),
      [['sdb', 'vg0']],
    );
    assert.equal(
      await complaint(
        `${text}part pv.02 --size=2048 --ondisk=sdc\nvolgroup vg0 pv.01 pv.02\nlogvol /srv --vgname=vg0 --name=srv --size=512\n`,
      ),
      'web.ks:4: volgroup: vg0 is on several disks, and vlb makes it on one',
    );
  });
});
