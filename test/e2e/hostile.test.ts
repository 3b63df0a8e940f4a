// Careless and hostile build-layers and images: the host stays as it was, what is told is right, and so is the next build.
// docs/security.md names these tests. What would do harm if its protection failed is not tried itself: that the right
// to it is gone is read from the process, and an attempt is one that the kernel would have refused for another reason.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { release } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { checkFileSystem, leftovers, readFromImage } from '../rig/host-state.ts';
import { peakOf } from '../rig/memory.ts';
import { TestProject, VLB } from '../rig/project.ts';
import { runAsRoot } from '../rig/root.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

/** A script on a tiny system, with more of busybox than that has. */
function script(commands: string, hints = ''): Record<string, string> {
  const tools = 'mknod mkswap swapon dmesg date reboot xargs tr yes cut sort';
  return {
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_bad/build-layer': buildLayer(
      `for tool in ${tools}; do ln -sf busybox /bin/$tool; done\n${commands}`,
      hints,
    ),
  };
}

/** The build after a bad one: the script mended, on the same parent. */
async function buildsAgain(project: TestProject): Promise<void> {
  assert.deepEqual(leftovers(project), []);
  project.write({ 'layers/20_bad/build-layer': buildLayer('echo well > /dev/null; echo well') });
  const next = await project.build();
  assert.equal(next.output, 'well', next.told);
  assert.equal(next.outcomes, '10_base fresh, 20_bad built');
  assert.equal(checkFileSystem(project.path('build/image.qcow2'), path.dirname(project.directory)), '');
}

/** What capabilities(7) calls them, by their numbers in linux/capability.h. */
const DENIED = {
  CAP_DAC_READ_SEARCH: 2,
  CAP_NET_ADMIN: 12,
  CAP_SYS_MODULE: 16,
  CAP_SYS_RAWIO: 17,
  CAP_SYS_PACCT: 20,
  CAP_SYS_BOOT: 22,
  CAP_SYS_TIME: 25,
  CAP_AUDIT_CONTROL: 30,
  CAP_SYSLOG: 34,
  CAP_WAKE_ALARM: 35,
  CAP_BLOCK_SUSPEND: 36,
  CAP_AUDIT_READ: 37,
};

test('a script has no right to reboot, to modules, clocks, hardware, the network and the log of the kernel', async () => {
  await using project = new TestProject(
    script(`grep Cap /proc/self/status
dmesg -c >/dev/null || echo "dmesg $?"
reboot -f || echo "reboot $?"
echo still here`),
  );
  const host = readFileSync('/proc/self/status', 'utf8');
  const built = await project.build();
  assert.equal(built.status, 0, built.told);
  for (const set of ['CapInh', 'CapPrm', 'CapEff', 'CapBnd', 'CapAmb']) {
    const bits = BigInt(`0x${new RegExp(`^${set}:\\s*([0-9a-f]+)`, 'm').exec(built.output)?.[1]}`);
    for (const [name, number] of Object.entries(DENIED)) {
      assert.equal((bits >> BigInt(number)) & 1n, 0n, `${name} is in ${set}`);
    }
    if (set !== 'CapBnd') continue;
    const all = BigInt(`0x${/^CapBnd:\s*([0-9a-f]+)/m.exec(host)?.[1]}`);
    const denied = Object.values(DENIED).reduce((sum, number) => sum | (1n << BigInt(number)), 0n);
    assert.equal(bits, all & ~denied, 'and everything else is there that installing packages may want');
  }
  assert.match(
    built.output,
    /Operation not permitted\ndmesg 1\n.*Operation not permitted\nreboot 1\nstill here$/,
  );
  await buildsAgain(project);
});

test("a device of the host can be made by its number, and not be opened: neither in the image nor where vlb's mounts are", async () => {
  await using project = new TestProject({});
  const disk = path.join(path.dirname(project.directory), 'disk');
  execFileSync('dd', ['if=/dev/urandom', `of=${disk}`, 'bs=1M', 'count=1', 'status=none']);
  const before = readFileSync(disk);
  const device = runAsRoot('losetup', '--find', '--show', disk).trim();
  try {
    const numbers = readFileSync(`/sys/block/${path.basename(device)}/dev`, 'utf8')
      .trim()
      .replace(':', ' ');
    project.write({
      ...script(
        `touch /zero
for place in / /dev /dev/shm /tmp /run /mnt /data /opt/in /var/cache /base; do
  [ -b $place/node ] || mknod $place/node b ${numbers}
  for to in "if=$place/node of=/read" "if=/zero of=$place/node conv=notrunc"; do
    if dd $to bs=1k count=1 2>/errors; then echo "$to was opened"; fi
    cat /errors
  done
done
echo x > /dev/null; dd if=/dev/zero of=/zeros bs=1k count=1 2>/dev/null; dd if=/dev/urandom of=/random bs=1k count=1 2>/dev/null`,
        `# chroot-mount p2 /data
# chroot-bind-mount in /opt/in
# vlb: cache-dir /var/cache`,
      ),
      'layers/10_base/modify-disk': tinyDisk({
        more: `mkfs.ext4 -q "$3p2"; mkdir "$root/base"; mknod "$root/base/node" b ${numbers}`,
      }).replace('type=linux\\n', 'size=64M,type=linux\\ntype=linux\\n'),
      'layers/20_bad/in/file': '',
    });
    const built = await project.build();
    assert.equal(built.status, 0, built.told);
    const said = built.output.split('\n');
    assert.equal(said.length, 20, built.output);
    for (const line of said)
      assert.match(line, /^dd: can't open '.*\/node': (?:Permission denied|Operation not permitted)$/); // nodev, or the kernel's control
    assert.ok(readFileSync(disk).equals(before), 'the disk was written');
  } finally {
    runAsRoot('losetup', '--detach', device);
  }
  await buildsAgain(project);
});

test('a script that makes a swap file and uses it leaves the host without it', async () => {
  await using project = new TestProject(
    script(`dd if=/dev/zero of='/swap file' bs=1M count=1 2>/dev/null; chmod 600 '/swap file'; mkswap '/swap file' >/dev/null
swapon '/swap file'; grep -c 'swap.*file' /proc/swaps`),
  );
  const before = readFileSync('/proc/swaps', 'utf8');
  const built = await project.build();
  assert.equal(built.status, 0, built.told);
  assert.equal(built.output, '1');
  assert.equal(readFileSync('/proc/swaps', 'utf8'), before);
  await buildsAgain(project);
});

test('a script that kills what it sees, removes /dev, mounts and leaves daemons reaches nothing but its own', async () => {
  await using project = new TestProject(
    script(`[ "$(ls -d /proc/[0-9]* | wc -l)" -lt 9 ] # these are its own alone
rm -rf /dev 2>/dev/null || true
mount -t tmpfs tmpfs /root; mkdir /root/deep; mount --bind /bin /root/deep; touch /root/x
trap '' HUP TERM
setsid sh -c "trap '' HUP TERM; while :; do sleep 1; done" >/dev/null 2>&1 &
setsid sleep 98765 >/dev/null 2>&1 &
echo "dev $(ls /dev | sort | tr '\\n' ' ')"
kill -9 -1
setsid sleep 98765 >/dev/null 2>&1 &
echo done`),
  );
  const built = await project.build();
  assert.match(
    built.output,
    /^dev full (\w+\d) \1p1 null pts random shm tty urandom zero \ndone$/,
    built.told,
  );
  const scratch = path.dirname(project.directory);
  assert.equal(readFromImage(project.path('build/image.qcow2'), scratch, '/root/x'), undefined);
  await buildsAgain(project);
});

test('a script that makes its root read-only leaves no mount points behind', async () => {
  await using project = new TestProject(
    script('echo kept > /kept; mount -o remount,ro /; ! touch /x 2>/dev/null'),
  );
  const built = await project.build();
  assert.equal(built.status, 0, built.told);
  const [image, scratch] = [project.path('build/image.qcow2'), path.dirname(project.directory)];
  assert.equal(readFromImage(image, scratch, '/kept'), 'kept\n');
  for (const place of ['/mnt', '/proc', '/etc/resolv.conf']) {
    assert.equal(readFromImage(image, scratch, place), undefined, place);
  }
  await buildsAgain(project);
});

test('a script that fills its disk is told so by the system, and the host has its room back', async () => {
  await using project = new TestProject(
    script('dd if=/dev/urandom of=/fill bs=1M count=1000; echo "not reached"'),
  );
  const built = await project.build();
  assert.equal(built.status, 1, built.told);
  assert.match(built.output, /No space left on device/);
  assert.equal(
    built.finished?.failure?.message,
    'layer 20_bad: build-layer failed with exit status 1',
    'it is the image that was full, not the store',
  );
  await buildsAgain(project);
});

test('a device that is not there is a file of at most a megabyte, not one that fills the memory', async () => {
  await using project = new TestProject(script('dd if=/dev/zero of=/dev/sdb bs=1M count=20'));
  const built = await project.build();
  assert.equal(built.status, 1, built.told);
  assert.match(built.output, /^dd: error writing '\/dev\/sdb': No space left on device$/m);
});

const [major = 0, minor = 0] = release().split('.').map(Number);
const hasNoLimit =
  major < 6 || (major === 6 && minor < 14)
    ? 'a PID namespace has a limit of its own since Linux 6.14'
    : false;
// It ends by itself long before it would hurt.
const BOMB = 'n=0; while [ $n -lt 9000 ]; do sleep 4321 & n=$((n + 1)); done; echo "started $n"';
test('a script that forks without end comes to its limit, and the host does not', {
  skip: hasNoLimit,
}, async () => {
  const limit = readFileSync('/proc/sys/kernel/pid_max', 'utf8');
  await using project = new TestProject(script(`cat /proc/sys/kernel/pid_max; ${BOMB}`));
  const built = await project.build();
  assert.equal(built.status, 1, built.told);
  assert.match(built.output, /^8192$/m);
  assert.match(built.output, /can't fork: Resource temporarily unavailable$/);
  assert.equal(readFileSync('/proc/sys/kernel/pid_max', 'utf8'), limit, "the host's own is as it was");
  await buildsAgain(project);
});

test('a script that prints without end is stopped when the disk with its log is full', async () => {
  await using project = new TestProject(script("yes 'on and on'"));
  // Beside the project: a namespace that another test makes meanwhile has this mount too, and longer.
  const logs = path.join(path.dirname(project.directory), 'logs');
  mkdirSync(logs);
  mkdirSync(project.path('.vlb'));
  symlinkSync(logs, project.path('.vlb/logs'));
  runAsRoot('mount', '-t', 'tmpfs', '-o', 'size=8M,mode=1777', 'tmpfs', logs);
  try {
    const built = await project.vlb(['build', '--progress', 'quiet']);
    assert.equal(built.status, 3, built.stderr);
    assert.match(
      built.stderr,
      /^error: cannot write the log of layer 20_bad: ENOSPC.*\n {2}at \.vlb\/logs\/20_bad\.log$/m,
    );
    assert.equal(
      readdirSync(project.path('.vlb/store/keys')).length,
      2,
      'the record of the base, and its log',
    );
  } finally {
    runAsRoot('umount', logs);
  }
  await buildsAgain(project);
});

/** Everything below a directory of the host, with what is in it. */
function treeOf(directory: string): string[] {
  return readdirSync(directory, { recursive: true, encoding: 'utf8' })
    .map((name) => path.join(directory, name))
    .map(
      (file) => `${file} ${statSync(file).mode} ${statSync(file).isFile() ? readFileSync(file, 'utf8') : ''}`,
    )
    .sort();
}

for (const [kind, up] of [
  ['absolute', ''],
  ['that climb out', '../../../../../../../../../../../..'],
] as const) {
  test(`links of the image to places of the host, ${kind}, are places of the image`, async (t) => {
    // Not below /tmp, where one of the links is.
    const outside = mkdtempSync('/var/tmp/vlb-outside-');
    t.after(() => runAsRoot('rm', '-rf', '--', outside));
    for (const name of ['mnt', 'tmp', 'dev', 'proc', 'run', 'sys', 'sbin', 'etc', 'dpkg']) {
      mkdirSync(path.join(outside, name));
    }
    for (const name of ['etc/resolv.conf', 'etc/hosts'])
      writeFileSync(path.join(outside, name), 'untouched\n');
    await using project = new TestProject({});
    const links = ['mnt', 'tmp', 'dev', 'proc', 'run', 'sys', 'etc/resolv.conf', 'etc/hosts']
      .map((name) => `ln -s ${up}${outside}/${name} "$root/${name}"`)
      .join('; ');
    project.write({
      'layers/10_base/modify-disk': tinyDisk({
        more: `${links}
mkdir -p "$root/usr" "$root/var/lib"; ln -s ${up}${outside}/sbin "$root/usr/sbin"; ln -s ${up}${outside}/dpkg "$root/var/lib/dpkg"`,
      }),
      'layers/20_app/build-layer': buildLayer(`test -s /etc/resolv.conf
echo x > /tmp/x; echo x > /run/x; echo x > /dev/null; echo "pid $$"; pwd; ls /mnt
echo y > /etc/resolv.conf; echo y > /etc/hosts`),
    });
    const before = treeOf(outside);
    const mounts = readFileSync('/proc/self/mountinfo', 'utf8');
    const built = await project.build();
    assert.equal(built.status, 0, built.told);
    assert.match(built.output, /^pid \d+\n\/.*\nbuild-layer$/);
    assert.deepEqual(treeOf(outside), before);
    assert.equal(readFileSync('/proc/self/mountinfo', 'utf8'), mounts);
    assert.deepEqual(leftovers(project), []);
    const [image, scratch] = [project.path('build/image.qcow2'), path.dirname(project.directory)];
    assert.equal(checkFileSystem(image, scratch), '');
    assert.equal(readFromImage(image, scratch, path.join(outside, 'etc/hosts')), 'y\n');
    assert.equal(
      readFromImage(image, scratch, path.join(outside, 'mnt')),
      undefined,
      'no mount point is left',
    );
  });
}

test('a file where vlb needs a directory, a directory for a file, and a ring of links are told for what they are', async () => {
  const wrong = {
    dev: ['echo x > "$root/dev"', '/dev in the image is not a directory'],
    tmp: ['ln -s /etc/passwd "$root/tmp"', '/tmp in the image is not a directory'],
    resolv: ['mkdir "$root/etc/resolv.conf"', '/etc/resolv.conf in the image is a directory'],
    ring: ['ln -s run "$root/run"', 'too many symbolic links at /run in the image'],
  } as const;
  await using project = new TestProject({ 'layers/10_base/modify-disk': tinyDisk() });
  let number = 20;
  for (const [name, [commands]] of Object.entries(wrong)) {
    const layer = `${number++}_${name}`;
    project.write({
      [`layers/${layer}/modify-disk`]: `#!/bin/sh
# vlb: from base
# vlb: disk-size 256M
set -eu
root=$TMPDIR/root; mkdir "$root"
partx --update "$3"
mount "\${3}p1" "$root"
${commands}
umount "$root"
`,
      [`layers/${number++}_on_${name}/build-layer`]: buildLayer('echo not reached', `# vlb: from ${name}`),
    });
  }
  const built = await project.build(['-k']);
  assert.equal(built.status, 1, built.told);
  assert.equal(built.output, '');
  assert.deepEqual(
    built.finished?.failures
      .toSorted((a, b) => (a.layer < b.layer ? -1 : 1))
      .map(({ failure: { message, hint, where } }) => [message, hint, where?.file]),
    Object.entries(wrong).map(([name, [, says]], index) => [
      `cannot set up the chroot: ${says}`,
      'vlb mounts over this path during the build; remove or fix it in the layer that created it',
      project.path(`layers/${21 + 2 * index}_on_${name}/build-layer`),
    ]),
  );
  assert.deepEqual(leftovers(project), []);
});

test("a link among a layer's own files does not lead a mount below /mnt to the host", async () => {
  await using project = new TestProject({
    'layers/10_base/modify-disk': tinyDisk(),
    'layers/20_app/build-layer': buildLayer(
      'cat /mnt/link/deep/etc/os-release',
      '# vlb: mount base /mnt/link/deep',
    ),
    'host/file': '',
  });
  execFileSync('ln', ['-s', project.path('host'), project.path('layers/20_app/link')]);
  const built = await project.build();
  assert.deepEqual(readdirSync(project.path('host')), ['file']);
  assert.equal(built.output, 'ID=tiny', built.told);
});

test('the memory of vlb stays flat, whatever a script prints: one line without an end, lines of nothing, bytes', async (t) => {
  await using project = new TestProject(script('echo little'));
  const little = await peakOf(VLB, ['build', '--progress', 'json'], project.directory);
  assert.equal(little.status, 0, little.stderr);
  for (const [what, commands, bytes] of [
    ['one line without an end', "dd if=/dev/zero bs=1M count=250 2>/dev/null | tr '\\0' x", 250 << 20],
    ['lines of nothing', "yes '' | dd bs=1M count=3 iflag=fullblock 2>/dev/null", 3 << 20],
    ['bytes', 'dd if=/dev/urandom bs=1M count=80 2>/dev/null', 80 << 20],
  ] as const) {
    await t.test(what, async () => {
      project.write(script(commands));
      const much = await peakOf(VLB, ['build', '--progress', 'json'], project.directory);
      assert.equal(much.status, 0, much.stderr);
      assert.equal(statSync(project.path('.vlb/logs/20_bad.log')).size, bytes);
      assert.ok(
        much.mebibytes < little.mebibytes + 200,
        `${much.mebibytes} MiB, and ${little.mebibytes} for little`,
      );
      t.diagnostic(
        `${what}: ${much.mebibytes.toFixed()} MiB, and ${little.mebibytes.toFixed()} MiB for little`,
      );
    });
  }
});
