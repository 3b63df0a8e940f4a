// What packages of a real distribution take for granted: their own programs, a boot loader and kernels, on a Debian made for
// this, which then boots.

import assert from 'node:assert/strict';
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout } from 'node:timers/promises';
import type { BuildEvent } from '../../src/model/event.ts';
import type { Identity } from '../../src/model/ports/booter.ts';
import { startWithBase } from '../rig/base-store.ts';
import { DEBIAN_DISK } from '../rig/debian.ts';
import { leftovers } from '../rig/host-state.ts';
import { TestProject } from '../rig/project.ts';
import { runAsRoot } from '../rig/root.ts';
import { buildLayer } from '../rig/tiny.ts';

// One for all tests here.
const project = new TestProject({ 'layers/10_base/modify-disk': DEBIAN_DISK });
before(() => startWithBase(project));
after(() => project[Symbol.asyncDispose]());

/** Two versions of a package with a configuration file and a question, whose answer /etc/asked gets. */
const PACKAGES = String.raw`
pack() {
  mkdir -p /tmp/p/DEBIAN /tmp/p/etc
  printf 'Package: asks\nVersion: %s\nArchitecture: all\nMaintainer: x <x@example.org>\nDescription: x\n' "$1" > /tmp/p/DEBIAN/control
  printf 'Template: asks/really\nType: select\nChoices: yes, no\nDefault: no\nDescription: x\n x\n' > /tmp/p/DEBIAN/templates
  cat > /tmp/p/DEBIAN/config <<'CONFIG'
#!/bin/sh -e
. /usr/share/debconf/confmodule
db_input critical asks/really || echo "$?" > /etc/input
db_go || true
CONFIG
  cat > /tmp/p/DEBIAN/postinst <<'POSTINST'
#!/bin/sh -e
. /usr/share/debconf/confmodule
db_get asks/really
echo "$RET" > /etc/asked
POSTINST
  chmod 755 /tmp/p/DEBIAN/config /tmp/p/DEBIAN/postinst
  echo /etc/asks.conf > /tmp/p/DEBIAN/conffiles
  echo "of $1" > /tmp/p/etc/asks.conf
  dpkg-deb --build /tmp/p "/tmp/asks-$1.deb" > /dev/null
}
pack 1
pack 2
`;

test('a package asks nothing, and what needs a running system is ignored', async () => {
  project.write({
    'layers/20_app/build-layer': buildLayer(`${PACKAGES}
dpkg -i /tmp/asks-1.deb
echo "asked $(cat /etc/asked), input $(cat /etc/input)"
echo changed > /etc/asks.conf
dpkg -i /tmp/asks-2.deb
echo "kept $(cat /etc/asks.conf), beside it $(cat /etc/asks.conf.dpkg-dist)"
dpkg -i /tmp/asks-1.deb
dpkg --force-confnew -i /tmp/asks-2.deb
echo "then $(cat /etc/asks.conf)"
systemctl daemon-reload
systemctl restart systemd-udevd
systemctl start systemd-networkd
systemctl enable systemd-networkd
ls /etc/systemd/system/multi-user.target.wants/systemd-networkd.service
systemctl preset-all
systemctl set-default multi-user.target
dpkg-reconfigure tzdata
adduser --disabled-password --gecos '' ann
su - ann -c id
ln -sf ../run/systemd/resolve/stub-resolv.conf /etc/resolv.conf`),
  });
  const built = await project.build();
  assert.equal(built.status, 0, built.told);
  assert.match(built.output, /^asked no, input 30$/m, 'debconf said that it skipped the question');
  assert.match(built.output, /^kept changed, beside it of 2$/m);
  assert.match(built.output, /^then of 2$/m, 'what a script asks for itself wins');
  const log = readFileSync(project.path('.vlb/logs/20_app.log'), 'utf8');
  assert.doesNotMatch(log, /debconf: |will not downgrade/);
  for (const command of ['daemon-reload', 'restart', 'start']) {
    assert.match(built.output, new RegExp(`^Running in chroot, ignoring command '${command}'$`, 'm'));
  }
  assert.match(built.output, /^Current default time zone: /m);
  assert.match(built.output, /^uid=1000\(ann\) /m);
  assert.deepEqual(leftovers(project), []);
});

test("a script's own variables and its parameters win", async () => {
  project.write({
    'layers/20_app/build-layer': buildLayer(
      'echo "$DEBIAN_FRONTEND $UCF_FORCE_CONFFOLD"; export SYSTEMD_OFFLINE=0 SYSTEMD_IN_CHROOT=0; ! systemctl daemon-reload',
      '# vlb: param DEBIAN_FRONTEND=teletype',
    ),
  });
  const built = await project.build();
  assert.equal(built.status, 0, built.told);
  assert.match(built.output, /^teletype 1$/m);
  assert.match(built.output, /has not been booted with systemd/);
});

// grub-install for UEFI insists on a mounted ESP, a file system that not every kernel has (test/guest/efi.test.ts does that). So
// its core image is made, and copied, by the programs that grub-install and mount stand for.
const UEFI = `
mkfs.vfat -n ESP "\${VLB_DISK}p2"
grub-mkimage --format=x86_64-efi --output=/tmp/grub.efi --prefix='(,gpt3)/boot/grub' part_gpt ext2 normal
mmd -i "\${VLB_DISK}p2" ::/EFI ::/EFI/BOOT
mcopy -i "\${VLB_DISK}p2" /tmp/grub.efi ::/EFI/BOOT/BOOTX64.EFI
mkdir -p /boot/grub/x86_64-efi
cp -r /usr/lib/grub/x86_64-efi/*.mod /usr/lib/grub/x86_64-efi/*.lst /boot/grub/x86_64-efi`;

const KERNEL = 'apt-get install --yes --no-install-recommends';
const LAYERS = {
  'layers/20_app/build-layer': buildLayer(
    `apt-get update
${KERNEL} linux-image-cloud-amd64 initramfs-tools zstd grub-pc grub-efi-amd64-bin dosfstools mtools qemu-guest-agent`,
  ),
  'layers/30_boot/build-layer': buildLayer(`
mkdir -p /etc/default/grub.d
printf 'GRUB_CMDLINE_LINUX=console=ttyS0\nGRUB_TERMINAL=serial\nGRUB_TIMEOUT=0\n' > /etc/default/grub.d/test.cfg
udevadm trigger
udevadm settle
grub-install "$VLB_DISK"${UEFI}
echo MODULES=dep > /etc/initramfs-tools/conf.d/dep
update-initramfs -u
sha256sum /boot/initrd.img-*
rm /etc/initramfs-tools/conf.d/dep
update-initramfs -u
update-grub
cd /
sha256sum /boot/initrd.img-* /boot/grub/grub.cfg /etc/fstab
dd if="$VLB_DISK" bs=1M count=2 status=none | sha256sum
grep -rlE '(loop|nbd)[0-9]' /boot/grub/grub.cfg /etc /var/cache/debconf || echo 'no device is named'
sed -n 's/^.*linux.* root=/root=/p' /boot/grub/grub.cfg
echo "on $(grub-probe -t device /), a $(lsblk -no FSTYPE "$VLB_ROOT_PARTITION") on $VLB_DISK"`),
  'layers/40_upgrade/build-layer': buildLayer(`
first=$(ls /lib/modules)
${KERNEL} linux-image-6.12-cloud-amd64
apt-get purge --yes linux-image-cloud-amd64 "linux-image-$first"
echo "kernel $(ls /lib/modules) instead of $first"
! grep "$first" /boot/grub/grub.cfg`),
};

test('a boot loader and a kernel are installed, the same on whatever device the disk is', async () => {
  project.write(LAYERS);
  const first = await project.build(['30_boot']);
  assert.equal(first.status, 0, first.told);
  const log = project.path('.vlb/logs/30_boot.log');
  const [one, device = ''] = outputOf(log);
  assert.match(one, /^no device is named$/m);
  assert.match(one, /^root=UUID=/m);
  assert.doesNotMatch(one, /error:|No such|Unknown device|^[EW]: /im);
  // As long as something else has that device, it is another one.
  const held = path.join(path.dirname(project.directory), 'held');
  writeFileSync(held, '');
  truncateSync(held, 1024 * 1024);
  const isLoop = device.startsWith('/dev/loop');
  if (isLoop) await holdLoop(device, held);
  try {
    const second = await project.build(['30_boot', '--force=30_boot']);
    assert.equal(second.status, 0, second.told);
    const [other, now] = outputOf(log);
    if (isLoop) assert.notEqual(now, device);
    assert.equal(other, one);
  } finally {
    if (isLoop) runAsRoot('losetup', '--detach', device);
  }
});

/** Backs the loop device by that file. Another test may have the device at this moment: waits until it is free, 30 s at most. */
async function holdLoop(device: string, file: string): Promise<void> {
  for (const end = Date.now() + 30_000; ; await setTimeout(100)) {
    try {
      return void runAsRoot('losetup', device, file);
    } catch (error) {
      if (!String(error).includes('busy') || Date.now() > end) throw error;
    }
  }
}

/** What the layer printed, and its disk, which its last line names. */
function outputOf(log: string): readonly [string, string | undefined] {
  const text = readFileSync(log, 'utf8');
  const last = /^on (\S+)p3, a ext4 on \1$/m.exec(text);
  return [text.replace(last?.[0] ?? /$/, ''), last?.[1]];
}

test('an image with a boot loader and a kernel boots; a kernel is replaced by another, which boots by BIOS and by UEFI', async () => {
  const uname = async (...words: readonly string[]) => {
    const booted = await project.vlb(['test-boot', ...words, '--run', 'uname -r; ls /sys/firmware']);
    assert.equal(booted.status, 0, booted.stderr);
    const [kernel, ...firmware] = booted.stdout.trim().split('\n');
    return { kernel, hasUefi: firmware.includes('efi') };
  };
  const [first, built] = await Promise.all([uname('30_boot'), project.build()]);
  assert.equal(built.status, 0, built.told);
  const [, kernel, old] = /^kernel (\S+) instead of (\S+)$/m.exec(built.output) ?? [];
  assert.notEqual(kernel, old);
  assert.deepEqual(first, { kernel: old, hasUefi: false });
  const [bios, uefi] = await Promise.all([uname(), uname('--uefi')]);
  assert.deepEqual(bios, { kernel, hasUefi: false });
  assert.deepEqual(uefi, { kernel, hasUefi: true });
});

test('checks of an image run in one boot, fail the build, and are not repeated when they passed', async () => {
  const config = (second: string) =>
    `images:\n  checked:\n    layer: 40_upgrade\n    checks:\n      - test -e /etc/os-release\n      - ${second}\n`;
  project.write({ 'vlb.yaml': config('echo wrong; exit 3') });
  const failed = await project.build();
  assert.equal(failed.status, 1, failed.told);
  assert.match(
    failed.finished?.failure?.message ?? '',
    /^a check of image checked failed: echo wrong; exit 3: /,
  );
  assert.deepEqual(failed.finished?.failure?.detail, ['wrong']);
  assert.equal(failed.finished?.failure?.where?.line, 6);
  assert.equal(failed.finished?.image, undefined);
  const planned = await project.vlb(['plan']);
  assert.match(
    planned.stdout,
    /^passed {2}checked: test -e \/etc\/os-release\ncheck {3}checked: echo wrong; exit 3 /m,
  );

  project.write({ 'vlb.yaml': config('uname -r') });
  const checks = (events: readonly BuildEvent[]) =>
    events.flatMap((event) => (event.type === 'check-finished' ? [`${event.check} ${event.outcome}`] : []));
  const passed = await project.build();
  assert.equal(passed.status, 0, passed.told);
  assert.deepEqual(checks(passed.events), ['uname -r passed']);
  const again = await project.build();
  assert.equal(again.status, 0, again.told);
  assert.deepEqual(checks(again.events), []);
});

test('two copies of an image are different machines, but for what a layer made', async () => {
  const id = '0123456789abcdef0123456789abcdef';
  project.write({
    'vlb.yaml': '',
    'layers/50_same/build-layer': buildLayer(`echo ${id} > /etc/machine-id; echo web > /etc/hostname
mkdir -p /etc/ssh
echo 'ssh-ed25519 AAAA root@web' > /etc/ssh/ssh_host_ed25519_key.pub`),
  });
  const built = await project.build();
  assert.equal(built.status, 0, built.told);
  const twice = await project.vlb(['test-boot', '--twice', '--json']);
  assert.equal(twice.status, 1, twice.stderr);
  assert.match(twice.stderr, /two copies of the image have the same machine-id, SSH host key/);
  const { same, notes, different } = JSON.parse(twice.stdout);
  assert.deepEqual(
    same.map(({ what, file }: Identity) => [what, file]),
    [
      ['machine-id', '/etc/machine-id'],
      ['SSH host key', '/etc/ssh/ssh_host_ed25519_key.pub'],
    ],
  );
  assert.equal(same[0].value, id);
  assert.deepEqual(notes, [{ what: 'host name', file: '/etc/hostname', value: 'web' }]);
  assert.deepEqual(different, [{ what: 'random seed', file: '/var/lib/systemd/random-seed' }]);
});
