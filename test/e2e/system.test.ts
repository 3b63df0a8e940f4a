// Systems from nothing: a Debian by `system:` and `disks:` of a layer.yaml, with the mirror of this machine, that boots by both
// kinds of firmware; and what goes wrong.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { leftovers } from '../rig/host-state.ts';
import { TestProject } from '../rig/project.ts';
import { buildLayer } from '../rig/tiny.ts';

const PROXY = 'http://127.0.0.1:9/a-proxy-of-this-machine';

const project = new TestProject({
  'layers/10_base/layer.yaml': `
system:
  distribution: debian
  suite: 12
  packages: [systemd-resolved, qemu-guest-agent, own-tool]
  repositories:
    - { name: own, url: ./packages, key: none }
  exclude-docs: true
  files: rootfs
disks:
  main:
    size: 3G
    boot: [bios, uefi]
    partitions:
      - { mount: /boot, size: 256M, label: boot }
      - { filesystem: swap, size: 64M }
      - { mount: /, size: rest, minimum: 1G, filesystem: ext4 }
  data:
    size: 512M
    partitions:
      - { mount: /srv, size: 300M, filesystem: xfs, options: [noatime, nofail] }
steps:
  - hostname: fromnothing
  - network: dhcp
  - run: findmnt --noheadings --output TARGET,FSTYPE --types ext4,xfs && cp /proc/mounts /srv/mounts
`,
  'layers/10_base/rootfs/etc/apt/apt.conf.d/90image': 'Acquire::Languages "none";\n',
  'layers/20_app/build-layer': buildLayer(
    `findmnt --noheadings --output TARGET --raw --types ext4,xfs | grep -v '^/mnt' | sort | tr '\\n' ' '
for file in /etc/resolv.conf /var/lib/dbus/machine-id /etc/dpkg/dpkg.cfg.d/99mmdebstrap; do
  if [ -e "$file" ] && [ ! -L "$file" ] && ! grep -q '^# vlb:' "$file"; then echo "has $file"; fi
done
wc -c < /etc/machine-id
grep -rl a-proxy-of-this-machine /etc /var/lib /boot && echo 'has the proxy'
find /var/cache/apt/archives /var/lib/apt/lists /usr/share/man -type f ! -name lock | head
sed -E 's#\\] https?://[^ ]+ #] URL #' /etc/apt/sources.list
cat /etc/hostname /etc/apt/apt.conf.d/90image /etc/fstab /opt/own`,
  ),
  'own/DEBIAN/control': `Package: own-tool
Version: 1.0
Architecture: all
Maintainer: Nobody <nobody@example.org>
Description: a package of the layer
`,
  'own/opt/own': 'from the layer\n',
});
mkdirSync(project.path('layers/10_base/packages'));
execFileSync(
  'dpkg-deb',
  ['--build', project.path('own'), project.path('layers/10_base/packages/own-tool.deb')],
  {
    stdio: 'pipe',
  },
);
after(() => project[Symbol.asyncDispose]());

const build = () => project.build([], { env: { https_proxy: PROXY } });

test('it is built, and a layer on top finds its file systems, and nothing of this machine', async () => {
  const built = await build();
  assert.equal(built.outcomes, '10_base built, 20_app built', built.told);
  const [, said = ''] = built.output.split(/^==> 3\/3 run .*$/m);
  const lines = said
    .trim()
    .split('\n')
    .map((line) => line.replace(/^UUID=\S+/, 'UUID'));
  assert.deepEqual(lines.slice(lines.findIndex((line) => line.startsWith('/ /boot '))), [
    '/ /boot /srv 0',
    ...['bookworm', 'bookworm-updates', 'bookworm-security'].map(
      (suite) => `deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] URL ${suite} main`,
    ),
    'fromnothing',
    'Acquire::Languages "none";',
    'UUID / ext4 errors=remount-ro 0 1',
    'UUID /boot ext4 defaults 0 2',
    'UUID /srv xfs noatime,nofail 0 0',
    'UUID /boot/efi vfat umask=0077,nofail 0 0',
    'UUID none swap sw 0 0',
    'from the layer',
  ]);
  assert.deepEqual(leftovers(project), []);
});

test('a comment changes nothing; a further package is why it would run', async () => {
  const file = 'layers/10_base/layer.yaml';
  const text = readProjectFile(file);
  project.write({ [file]: `# A comment.\n${text}` });
  assert.equal((await build()).outcomes, '10_base fresh, 20_app fresh');
  project.write({ [file]: text.replace('own-tool]', 'own-tool, nano]') });
  const why = await project.vlb(['why', '10_base']);
  assert.match(why.stdout, /system\.packages: \[.*"own-tool"\] → \[.*"nano"\]/);
  project.write({ [file]: text });
});

test('its packages are in the bill of materials', async () => {
  const sbom = await project.vlb(['sbom', '10_base', '--format', 'cyclonedx']);
  assert.equal(sbom.status, 0, sbom.stderr);
  const names = JSON.parse(sbom.stdout).components.map(({ name }: { readonly name: string }) => name);
  for (const name of ['systemd-resolved', 'grub-pc-bin', 'xfsprogs']) assert.ok(names.includes(name), name);
});

test('vlb layer show prints the scripts, and both are of a shell', async () => {
  const shown = await project.vlb(['layer', 'show', 'base']);
  assert.equal(shown.status, 0, shown.stderr);
  assert.match(
    shown.stdout,
    /^#### 10_base on the host: a modify-disk\n#!\/bin\/sh\n# vlb: from scratch\n# vlb: disk-size 3G\n# vlb: disk data 512M$/m,
  );
  assert.match(shown.stdout, /^#### 10_base in the image: a build-layer$/m);
  assert.match(shown.stdout, /^mmdebstrap --mode=root/m);
});

const ASK =
  'findmnt -rno TARGET -t ext4,vfat,xfs | sort | tr "\\n" " "; swapon --noheadings --show=TYPE; systemctl --failed --no-legend; getent hosts localhost >/dev/null && hostname';

test('it boots by UEFI, with all that is in its fstab', async () => {
  const booted = await project.vlb(['test-boot', '--uefi', '--run', `${ASK}; ls -d /sys/firmware/efi`]);
  assert.equal(booted.status, 0, booted.stderr.slice(-4000));
  assert.match(booted.stdout, /^\/ \/boot \/boot\/efi \/srv partition\nfromnothing\n\/sys\/firmware\/efi$/m);
});

test('it boots by BIOS', async () => {
  const booted = await project.vlb(['test-boot', '--run', ASK]);
  assert.equal(booted.status, 0, booted.stderr.slice(-4000));
  assert.match(booted.stdout, /^\/ \/boot \/boot\/efi \/srv partition\nfromnothing$/m);
});

test('a package that does not exist is named, with its place and the nearest one; nothing is in the store', async () => {
  await using wrong = new TestProject({
    'layers/10_base/layer.yaml': `system:
  distribution: debian
  suite: bookworm
  kernel: none
  packages:
    - openssh-sevrer
`,
  });
  const built = await wrong.vlb(['build']);
  assert.equal(built.status, 1);
  assert.match(built.stderr, /^error: layer 10_base: debian bookworm has no package openssh-sevrer$/m);
  assert.match(built.stderr, /10_base\/layer\.yaml:6:7$/m);
  assert.match(built.stderr, /^ {2}help: did you mean openssh-server\?$/m);
  assert.equal((await wrong.vlb(['store', 'ls'])).stdout, 'the cache is empty\n');
  assert.deepEqual(leftovers(wrong), []);
});

test('a mirror that does not answer is an error of the installation; a file that is missing, one of the layer', async () => {
  await using wrong = new TestProject({
    'layers/10_base/layer.yaml':
      'system: { distribution: debian, suite: bookworm, kernel: none, mirror: "http://127.0.0.1:1/debian" }\n',
  });
  const built = await wrong.vlb(['build']);
  assert.equal(built.status, 1);
  assert.match(
    built.stderr,
    /^error: layer 10_base: the installation of debian bookworm failed with exit status/m,
  );
  wrong.write({
    'layers/10_base/layer.yaml': 'system: { distribution: debian, suite: sid, files: rootfs }\n',
  });
  const missing = await wrong.vlb(['build']);
  assert.equal(missing.status, 2);
  assert.match(missing.stderr, /^error: system\.files: the layer has no directory rootfs$/m);
});

function readProjectFile(name: string): string {
  return readFileSync(project.path(name), 'utf8');
}
