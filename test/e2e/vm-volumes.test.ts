// LVM and LUKS: the backend vm opens them, each disk in a guest of its own, and the others say that it does. A modify-disk makes them there, with
// this machine's programs, by the commands that a system has.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { fstabOf } from '../../src/disk-layout/fstab.ts';
import { planDisk } from '../../src/disk-layout/plan.ts';
import { fed } from '../../src/distro/shell-text.ts';
import type { LayerFinished } from '../../src/model/event.ts';
import type { DiskLayout } from '../../src/model/system/layout.ts';
import { diskLines } from '../../src/system/script.ts';
import { applianceEnvironment } from '../rig/appliance.ts';
import { leftovers } from '../rig/host-state.ts';
import { type Built, run, TestProject, VLB } from '../rig/project.ts';
import { buildLayer, FILL } from '../rig/tiny.ts';

const PASSPHRASE = 'correct horse';
const MIB = 2 ** 20;

/** Shell that makes, as for a system, a root and a /var in the volume group vg0 on the disk `"$device"`, and mounts them at `"$root"`. */
function makeDisk(passphrase?: string): string {
  const group = 'vg0';
  const layout: DiskLayout = {
    size: 200 * MIB,
    table: 'gpt',
    boot: [],
    sectorSize: 512,
    partitions: [
      { format: 'none', group, size: 160 * MIB, ...(passphrase === undefined ? {} : { passphrase }) },
      { mount: '/', format: 'ext4', volume: { group, name: 'root' }, size: 'rest' },
      { mount: '/var', format: 'ext4', volume: { group, name: 'var' }, size: 45 * MIB },
      { mount: '/boot/efi', format: 'vfat', size: 36 * MIB },
    ],
  };
  const planned = planDisk(layout, [passphrase ?? 'plain']);
  if (!planned.ok) throw new Error(planned.problem.message);
  return `device=$3 root=$TMPDIR/root
${diskLines([planned.disk])}
fill "$root"
${fed('cat >"$root/etc/fstab"', fstabOf([planned.disk]))}`;
}

function diskLayer(commands: string, hints = ''): string {
  return `#!/bin/sh
# vlb: from scratch
# vlb: disk-size 200M
${hints}
set -eu
${FILL}
${commands}
umount --recursive "$root"
`;
}

const project = new TestProject({
  'layers/10_plain/modify-disk': diskLayer(`${makeDisk()}
echo plain >"$root/etc/name"
lvs --noheadings --units m --nosuffix --separator ' ' --options lv_name,lv_size
perl -e 'print "programs of this machine\\n"'
touch /usr/file 2>/dev/null || echo 'read-only'
for place in /home/* /root/* /etc/shadow /etc/apt/auth.conf /var/lib/dpkg/info ${process.cwd()}; do [ ! -e "$place" ] || echo "there is $place"; done`),
  'layers/20_plain/build-layer': buildLayer(
    `cat /etc/name
echo "root $VLB_ROOT_PARTITION"
ls -l /dev/mapper/vg0-root /dev/vg0/var /dev/mapper/control | busybox sed 's/.* \\(\\/dev.*\\)/\\1/'
grep -e ' /var ' -e ' /boot/efi ' /proc/mounts | busybox cut -d ' ' -f 2,3 | busybox sort
echo kept | busybox tee /var/kept > /boot/efi/loader`,
    '# vlb: from 10_plain',
  ),
  'layers/30_secret/modify-disk': diskLayer(
    `${makeDisk('DISK')}
echo secret >"$root/etc/name"
echo "inside UUID=$(cryptsetup luksUUID "$device"p1) none luks" >"$root/etc/crypttab"`,
    '# vlb: secret DISK',
  ),
  'layers/40_secret/build-layer': buildLayer(
    'cat /etc/name; ls /dev/mapper | busybox sort; busybox readlink /dev/mapper/inside; echo kept > /var/kept',
    '# vlb: from 30_secret\n# vlb: passphrase DISK',
  ),
  'layers/41_again/build-layer': buildLayer('cat /etc/name /var/kept', '# vlb: passphrase DISK'),
});
after(() => project[Symbol.asyncDispose]());

function options(passphrase: string) {
  const kernel = applianceEnvironment()['SUPERMIN_KERNEL'];
  return { env: { DISK: passphrase, ...(kernel === undefined ? {} : { VLB_VM_KERNEL: kernel }) } };
}

async function build(words: readonly string[], passphrase = PASSPHRASE): Promise<Built> {
  return project.build(['--secret', 'DISK', ...words], options(passphrase));
}

const failureOf = (built: Built, layer: string) =>
  built.events.find(
    (event): event is LayerFinished => event.type === 'layer-finished' && event.layer === layer,
  )?.failure;

const logOf = (layer: string) => readFileSync(project.path(`.vlb/logs/${layer}.log`), 'utf8');

test('two volume groups of one name at once, one of them in LUKS, with a layer in each', async () => {
  const built = await build(['--backend', 'vm', '--jobs', '2']);
  assert.equal(
    built.outcomes.split(', ').toSorted().join(', '),
    '10_plain built, 20_plain built, 30_secret built, 40_secret built, 41_again built',
    built.told,
  );
  assert.deepEqual(logOf('10_plain').trim().split('\n').slice(-4), [
    '  root 108.00',
    '  var 48.00',
    'programs of this machine',
    'read-only',
  ]);
  assert.deepEqual(logOf('20_plain').trim().split('\n'), [
    'plain',
    'root /dev/mapper/vg0-root',
    '/dev/mapper/control',
    '/dev/mapper/vg0-root -> ../dm-0',
    '/dev/vg0/var -> ../dm-1',
    '/boot/efi vfat',
    '/var ext4',
  ]);
  // Named as by the image's crypttab.
  assert.equal(logOf('40_secret'), 'secret\ncontrol\ninside\nvg0-root\nvg0-var\n../dm-0\n');
  assert.equal(logOf('41_again'), 'secret\nkept\n');
  assert.deepEqual(leftovers(project), []);
});

test('vlb diff shows two disks with LVM, copies of one group, at once in a shell', async () => {
  const env = { ...options(PASSPHRASE).env, VLB_BACKEND: 'vm', SHELL: '/bin/sh' };
  const commands = 'for disk in a b; do cat $disk/etc/name; ls $disk/var; done; touch b/new';
  const script = `printf '%s\\n' "$1" | "$2" diff 10_plain 20_plain --shell`;
  const seen = await run('sh', ['-c', script, 'sh', commands, VLB], { cwd: project.directory, env });
  assert.equal(seen.stdout, 'plain\nlost+found\nplain\nkept\nlost+found\n', seen.stderr);
  assert.match(seen.stderr, /Read-only file system/);
  assert.deepEqual(leftovers(project), []);
});

test('vlb diff compares two disks with LVM, with all that their fstab mounts', {
  // It attaches a disk three times.
  skip: process.env['VLB_TEST_VM'] === 'all' ? false : 'only with VLB_TEST_VM=all',
}, async () => {
  const env = { ...options(PASSPHRASE).env, VLB_BACKEND: 'vm' };
  const compared = await project.vlb(['diff', '10_plain', '20_plain'], { env });
  assert.equal(
    compared.stdout,
    'files: 2 added\n  added  5 B  /boot/efi/loader\n  added  5 B  /var/kept\n',
    compared.stderr,
  );
  assert.deepEqual(leftovers(project), []);
});

test('a volume that no passphrase opens is a failure with what to do', async () => {
  project.write({
    'layers/42_wrong/build-layer': buildLayer('true', '# vlb: from 40_secret\n# vlb: passphrase DISK'),
  });
  const built = await build(['--backend', 'vm'], 'wrong');
  const failure = failureOf(built, '42_wrong');
  assert.equal(failure?.message, 'no operating system found on the disk', built.told);
  assert.match(failure?.hint ?? '', /^its LUKS needs a passphrase: # vlb: passphrase NAME/);
  assert.deepEqual(leftovers(project), []);
});

test('the backends on the host say which one opens LVM', async () => {
  project.write({ 'layers/21_host/build-layer': buildLayer('true', '# vlb: from 20_plain') });
  const built = await build(['--backend', 'fuse', '21_host']);
  const failure = failureOf(built, '21_host');
  assert.equal(failure?.message, 'no operating system found on the disk', built.told);
  assert.match(failure?.hint ?? '', /--backend vm/);
});

test('a system with LVM on the host is an error before anything runs, with its place', async () => {
  await using wanted = new TestProject({
    'layers/10_base/layer.yaml': `system: { distribution: debian, suite: bookworm }
disks:
  main:
    size: 4G
    partitions:
      - { mount: /, size: rest }
      - { mount: /var, volume: vg0/var, size: 1G }
`,
  });
  const built = await wanted.vlb(['build', '--backend', 'fuse']);
  assert.equal(built.status, 3);
  assert.match(built.stderr, /^error: the backend fuse makes no LVM and no LUKS$/m);
  assert.match(built.stderr, /10_base\/layer\.yaml:7:9$/m);
  assert.match(built.stderr, /^ {2}help: use --backend vm: /m);
});
