// Layers whose scripts run in a booted image: a Debian without a guest agent, as an ordinary user who may not become root.

import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import type { LayerFinished } from '../../src/model/event.ts';
import { startWithBase } from '../rig/base-store.ts';
import { DEBIAN_DISK } from '../rig/debian.ts';
import { leftovers } from '../rig/host-state.ts';
import { guestsOf } from '../rig/machine-processes.ts';
import { Built, run, TestProject, VLB, type VlbOptions } from '../rig/project.ts';
import { isRoot, runAsRoot } from '../rig/root.ts';
import { buildLayer } from '../rig/tiny.ts';

// Perl is in every Debian. What is sent to this server is in its file only when the server has taken it.
const SERVER = `#!/usr/bin/perl
use IO::Socket::INET;
my $server = IO::Socket::INET->new(LocalAddr => '127.0.0.1:7000', Listen => 5, ReuseAddr => 1) or die;
while (my $client = $server->accept) {
  open(my $notes, '>>', '/var/lib/notes') or die;
  print $notes $_ while <$client>;
  close $notes;
  close $client;
}
`;

// With few modules in its initial ramdisk: that is what an emulated boot waits for.
const SYSTEM = buildLayer(`mkdir -p /etc/initramfs-tools/conf.d
echo MODULES=list > /etc/initramfs-tools/conf.d/small
printf 'virtio_pci\nvirtio_blk\next4\n' > /etc/initramfs-tools/modules
apt-get update
apt-get install --yes --no-install-recommends linux-image-cloud-amd64 initramfs-tools zstd grub-pc
printf 'GRUB_CMDLINE_LINUX=console=ttyS0\nGRUB_TERMINAL=serial\nGRUB_TIMEOUT=0\n' > /etc/default/grub
grub-install "$VLB_DISK"
update-grub
install -m 755 server /usr/local/bin/notes
printf '[Service]\nExecStart=/usr/local/bin/notes\n[Install]\nWantedBy=multi-user.target\n' > /etc/systemd/system/notes.service
systemctl enable notes.service
systemctl mask e2scrub_reap.service getty-static.service getty.target
apt-get clean`);

// Without the credentials of systemd 252, as systems before it are.
const AGENT = buildLayer(
  `apt-get update
apt-get install --yes --no-install-recommends qemu-guest-agent
mkdir /etc/systemd/system/systemd-tmpfiles-setup.service.d
printf '[Service]\nLoadCredential=\n' > /etc/systemd/system/systemd-tmpfiles-setup.service.d/none.conf`,
);

/** With the server up, unless another hint says when. */
const bootLayer = (commands: string, ...hints: readonly string[]) =>
  `#!/bin/bash\n${['# vlb: from boot', '# vlb: wait-for notes.service', ...hints].join('\n')}\nset -eu\n${commands}\n`;

/** Fails at the first boot, so that both have something to do at the second. */
const FIRST = `from: boot
steps:
  - firstboot: { command: 'echo try >>/var/tries; test "$(wc -l </var/tries)" -ge 2' }
  - firstboot: { command: 'cat /var/tries >>/var/after' }
`;

const FILLED = bootLayer(
  `if [ "$VLB_BOOT" = 1 ]; then
  for i in $(seq 300); do [ ! -s /var/tries ] || break; sleep 0.2; done
  printf '%s\n' "$COLOR" > /dev/tcp/127.0.0.1/7000
  until [ -s /var/lib/notes ]; do sleep 0.2; done
  echo "token $(cat "$VLB_SECRETS/TOKEN"), $(wc -c < "$VLB_SECRETS/TOKEN") bytes"
  echo "copied $(cat sub/file) and $(cat /mnt/common/file)"
  cp sub/file /srv/file
  cat /proc/sys/kernel/random/boot_id > /srv/boot
  echo "noted $(cat /var/lib/notes)"
  printf kept | dd of="$VLB_DISK_DATA" conv=notrunc status=none
  exit 194
fi
echo "boot $VLB_BOOT, another: $(! grep -q "$(cat /proc/sys/kernel/random/boot_id)" /srv/boot && echo yes)"
for i in $(seq 300); do [ ! -s /var/after ] || break; sleep 0.2; done
echo "first boots" $(cat /var/tries) "and then" $(cat /var/after)
rm /var/tries /var/after
echo "processors $(nproc), memory $(($(sed -n 's/^MemTotal: *\\([0-9]*\\).*/\\1/p' /proc/meminfo) / 102400))"
echo "further disk $(blockdev --getsize64 "$VLB_DISK_DATA") $(head -c 4 "$VLB_DISK_DATA")"
rm /srv/boot`,
  '# vlb: param COLOR=blue  it\'s "$HOME"',
  '# vlb: secret TOKEN',
  '# vlb: disk data 32M',
  '# vlb: cpus 1',
  '# vlb: memory 512M',
  '# vlb: network none',
  '# chroot-bind-mount ../../common /mnt/common',
).replace('from boot', 'from first');

const LAYERS = {
  'layers/30_filled/boot-layer': FILLED,
  'layers/30_filled/sub/file': 'content',
  'common/file': 'what is shared',
  'layers/31_fails/boot-layer': bootLayer('echo half > /srv/half; echo wrong; exit 3').replace(
    /^# vlb: wait-for.*\n/m,
    '',
  ),
  'layers/32_panics/boot-layer': bootLayer(
    'echo 1 > /proc/sys/kernel/sysrq; echo c > /proc/sysrq-trigger; sleep 600',
  ),
  'layers/33_off/boot-layer': bootLayer('systemctl poweroff; sleep 600'),
  'layers/34_hangs/boot-layer': bootLayer('sleep 600', '# vlb: timeout 5s'),
  'layers/35_agent/boot-layer': bootLayer('echo "by the agent"').replace('from boot', 'from qga'),
};

const project = new TestProject({
  'layers/10_base/modify-disk': DEBIAN_DISK,
  'layers/20_boot/build-layer': SYSTEM,
  'layers/20_boot/server': SERVER,
  'layers/25_qga/build-layer': AGENT,
  'layers/26_first/layer.yaml': FIRST,
});
const without = path.join(path.dirname(project.directory), 'bin');
after(() => project[Symbol.asyncDispose]());

before(async () => {
  await startWithBase(project);
  const built = await project.build();
  assert.equal(built.status, 0, built.told);
  project.write(LAYERS);
  mkdirSync(without);
  writeFileSync(path.join(without, 'sudo'), '#!/bin/sh\necho "this user may not" >&2\nexit 1\n');
  chmodSync(path.join(without, 'sudo'), 0o755);
  if (!isRoot) return;
  runAsRoot('chmod', '755', path.dirname(project.directory));
  runAsRoot('chown', '-R', 'nobody:nogroup', path.dirname(project.directory));
});

/** Runs vlb build as a user who cannot become root. */
async function buildWithoutRoot(args: readonly string[], options: VlbOptions = {}): Promise<Built> {
  const user = isRoot ? ['setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups', '--'] : [];
  const [command = '', ...words] = [...user, VLB, 'build', '--progress', 'json', ...args];
  const env = {
    ...options.env,
    PATH: `${without}:${process.env['PATH']}`,
    TMPDIR: path.dirname(project.directory),
  };
  return new Built(await run(command, words, { cwd: project.directory, ...options, env }));
}

const TOKEN = 'open sesame';

test('scripts run in booted images, side by side, and what goes wrong is told', async () => {
  const built = await buildWithoutRoot(['-k', '--jobs', '3', '--secret', 'TOKEN'], { env: { TOKEN } });
  assert.equal(built.status, 1, built.told);
  assert.deepEqual(
    built.outcomes.split(', ').toSorted(),
    [
      '10_base fresh',
      '20_boot fresh',
      '25_qga fresh',
      '26_first fresh',
      '30_filled built',
      '31_fails failed',
      '32_panics failed',
      '33_off failed',
      '34_hangs failed',
      '35_agent built',
    ],
    built.told,
  );
  const output = (layer: string) =>
    built.events.flatMap((event) => (event.type === 'output' && event.layer === layer ? [event.line] : []));
  assert.deepEqual(
    output('30_filled').filter((line) => !line.startsWith('[guest] ')),
    [
      'token ***, 11 bytes',
      'copied content and what is shared',
      'noted blue  it\'s "$HOME"',
      'boot 2, another: yes',
      'first boots try try and then try try',
      'processors 1, memory 4',
      'further disk 33554432 kept',
    ],
  );
  assert.ok(output('30_filled').includes('[guest] booting again, as the script asks for'));
  assert.ok(output('30_filled').some((line) => line.startsWith('[guest] Loading Linux ')));
  assert.ok(output('35_agent').includes('by the agent'));

  const failure = (layer: string) =>
    built.events.find(
      (event): event is LayerFinished => event.type === 'layer-finished' && event.layer === layer,
    )?.failure;
  assert.equal(failure('31_fails')?.message, 'layer 31_fails: boot-layer failed with exit status 3');
  assert.equal(failure('31_fails')?.detail?.at(-1), 'wrong');
  assert.match(
    failure('32_panics')?.message ?? '',
    /^the guest panicked: .*Kernel panic - not syncing: sysrq/,
  );
  assert.ok((failure('32_panics')?.detail?.length ?? 0) > 10, 'with the console');
  assert.equal(failure('33_off')?.message, 'the guest powered off before its script ended');
  assert.match(failure('33_off')?.detail?.at(-1) ?? '', /Power down/);
  assert.equal(failure('34_hangs')?.message, 'layer 34_hangs: boot-layer ran longer than its timeout, 5 s');
  for (const layer of ['31_fails', '32_panics', '33_off', '34_hangs']) {
    assert.equal(failure(layer)?.kind, 'work');
    assert.equal(failure(layer)?.where?.file, project.path('layers', layer, 'boot-layer'));
    assert.match(failure(layer)?.look ?? '', new RegExp(`--failed ${layer}$`));
  }
  assert.deepEqual(leftovers(project), []);
  assert.deepEqual(scratches(), []);
});

/** What boots have left of their files. */
function scratches(): readonly string[] {
  return readdirSync(path.dirname(project.directory)).filter((name) => name.startsWith('vlb-boot-'));
}

test('the disk of a script that failed can be looked at, and continues to exist', async () => {
  const looked = await project.vlb(['shell', '--failed', '31_fails', '--', 'cat', '/srv/half']);
  assert.equal(looked.stdout, 'half\n', looked.stderr);
  assert.match(readFileSync(project.path('.vlb/logs/31_fails.log'), 'utf8'), /^wrong$/m);
});

test('the layer has what the script did, and nothing of the way that it got there', async () => {
  const diff = await project.vlb(['diff', '26_first', '30_filled', '--json']);
  assert.equal(diff.status, 0, diff.stderr);
  const { stdout } = diff;
  for (const file of ['/var/lib/notes', '/srv/file', '/etc/machine-id'])
    assert.ok(stdout.includes(`"${file}"`), stdout);
  // Files of the handing over have these words in their names, or are in places of its own.
  assert.doesNotMatch(stdout, /vlb(?!\/firstboot)|take|\/mnt|\/run\/|"\/srv\/boot"/);
  const grep = await project.vlb([
    ...['shell', '30_filled', '--', 'grep', '-rlsF', TOKEN],
    ...['/etc', '/var', '/srv', '/root', '/usr/local'],
  ]);
  assert.equal(grep.stdout, '', grep.stderr);
});

test('a booted layer is found in the store, and why it runs is explained', async () => {
  for (const name of readdirSync(project.path('layers'))) {
    if (/^(?:25|31|32|33|34|35)_/.test(name)) rmSync(project.path('layers', name), { recursive: true });
  }
  rmSync(project.path('build'), { recursive: true });
  const restored = await buildWithoutRoot(['--secret', 'TOKEN'], { env: { TOKEN } });
  assert.equal(restored.status, 0, restored.told);
  assert.equal(
    restored.outcomes,
    '10_base restored, 20_boot restored, 26_first restored, 30_filled restored',
  );
  project.write({ 'layers/30_filled/boot-layer': FILLED.replace('memory 512M', 'memory 1G') });
  const why = await project.vlb(['why', '30_filled']);
  assert.match(why.stdout, /memory/, why.stdout);
});

test('^C while a script runs in a guest leaves nothing running, and what was there before', async () => {
  project.write({ 'layers/30_filled/boot-layer': bootLayer('echo ready; sleep 600') });
  let sent = false;
  const ended = await buildWithoutRoot([], {
    onStdout: (text, kill) => {
      if (sent || !text.includes('"line":"ready"')) return;
      sent = true;
      kill('SIGINT');
    },
  });
  assert.ok(sent, ended.told);
  assert.equal(ended.status, 130, ended.told);
  assert.deepEqual(leftovers(project), []);
  assert.deepEqual(scratches(), []);
  assert.deepEqual(guestsOf(project.directory), []);
  project.write({ 'layers/30_filled/boot-layer': FILLED });
  const next = await buildWithoutRoot(['--secret', 'TOKEN'], { env: { TOKEN } });
  assert.equal(next.outcomes, '10_base fresh, 20_boot fresh, 26_first fresh, 30_filled fresh', next.told);
});
