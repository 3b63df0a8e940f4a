// Layers in a virtual machine, as an ordinary user who may not become root. One guest serves a chain of layers.

import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, readdirSync, readFileSync, readlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { after, before, test } from 'node:test';
import type { LayerFinished } from '../../src/model/event.ts';
import { applianceEnvironment } from '../rig/appliance.ts';
import { leftovers, untilClean } from '../rig/host-state.ts';
import { Built, type Ended, run, TestProject, VLB, type VlbOptions } from '../rig/project.ts';
import { isRoot, runAsRoot } from '../rig/root.ts';
import { buildLayer, tinyImage } from '../rig/tiny.ts';

const TOKEN = 'open sesame';
const PORT = 47_123;

const FIRST = buildLayer(
  `echo "in $(pwd) as $(id -u), color $COLOR"
echo "token $(cat "$VLB_SECRETS/TOKEN")"
stat -c '%a %u:%g %n' sub sub/tool; readlink sub/link; cat /srv/common/file
test ! -e /var/keep/stamp
echo kept > /var/keep/stamp
mkdir /made; echo one > /made/file; cp sub/large /made
for number in $(seq 1 300); do echo "line $number"; done`,
  '# vlb: param COLOR=blue "$HOME"\n# vlb: secret TOKEN\n# vlb: cache-dir /var/keep\n# chroot-bind-mount ../../common /srv/common',
);

// What docs/security.md lists for the other backends as not prevented.
const HOSTILE = buildLayer(
  `cat /var/keep/stamp /parent/made/file
mkdir /tmp/proc /tmp/dev /tmp/sys
mount -t proc proc /tmp/proc
mount -t devtmpfs devtmpfs /tmp/dev
echo 42 > /tmp/proc/sys/vm/swappiness
echo "processors $(grep -c ^processor /tmp/proc/cpuinfo), memory $(($(grep MemTotal /tmp/proc/meminfo | busybox tr -dc 0-9) / 100000))"
for device in sda vda loop0 kvm fuse; do [ ! -e "/tmp/dev/$device" ] || echo "there is $device"; done
echo "other processes: $(grep -al '[q]emu' /proc/*/cmdline /tmp/proc/*/cmdline 2>/dev/null | wc -l)"
[ ! -e PROJECT ] && [ ! -e /tmp/proc/1/root/home ] && echo 'no files of the host'
for address in 127.0.0.1 10.0.2.2; do echo "from $address: $(busybox nc -w 2 $address ${PORT} </dev/null 2>/dev/null)"; done
dd if=/dev/zero of=/made/fill bs=1M 2>/dev/null || echo 'the disk is full'
rm /made/fill`,
  '# vlb: cache-dir /var/keep\n# vlb: mount 20_first /parent',
);

const BRANCH = '# vlb: from 30_hostile';

const FAILURES = {
  'layers/40_fails/build-layer': buildLayer('echo half > /made/half; echo wrong; exit 3', BRANCH),
  'layers/41_hangs/build-layer': buildLayer('echo begun; sleep 600', `${BRANCH}\n# vlb: timeout 3s`),
  'layers/42_panics/build-layer': buildLayer(
    `mkdir /tmp/proc; mount -t proc proc /tmp/proc; echo "swappiness $(cat /tmp/proc/sys/vm/swappiness)"
sleep 1; echo c > /tmp/proc/sysrq-trigger; sleep 600`,
    '# vlb: from 20_first',
  ),
  'layers/43_grows/build-layer': buildLayer('echo begun; tail /dev/zero', BRANCH),
};

const project = new TestProject({ 'vlb.yaml': 'base: base.qcow2\nvm:\n  memory: 1G\n  cpus: 1\n' });
const above = path.dirname(project.directory);
const without = path.join(above, 'bin');
after(() => project[Symbol.asyncDispose]());

before(() => {
  tinyImage(project.path('base.qcow2'));
  project.write({
    'layers/20_first/build-layer': FIRST,
    'layers/20_first/sub/tool': 'tool',
    'layers/20_first/sub/large': 'large '.repeat(1_000_000),
    'common/file': 'what is shared\n',
  });
  chmodSync(project.path('layers/20_first/sub/tool'), 0o755);
  runAsRoot('ln', '-s', 'tool', project.path('layers/20_first/sub/link'));
  mkdirSync(without);
  writeFileSync(path.join(without, 'sudo'), '#!/bin/sh\necho "this user may not" >&2\nexit 1\n');
  chmodSync(path.join(without, 'sudo'), 0o755);
  give();
});

/** Gives the project to the user that vlb runs as here. */
function give(): void {
  if (!isRoot) return;
  runAsRoot('chmod', '755', above);
  runAsRoot('chown', '-R', 'nobody:nogroup', above);
}

/** Runs vlb as a user who cannot become root. */
function vlb(args: readonly string[], options: VlbOptions = {}): Promise<Ended> {
  const user = isRoot ? ['setpriv', '--reuid=nobody', '--regid=nogroup', '--clear-groups', '--'] : [];
  const [command = '', ...words] = [...user, VLB, ...args];
  const kernel = applianceEnvironment()['SUPERMIN_KERNEL'];
  const env = {
    TOKEN,
    PATH: `${without}:${process.env['PATH']}`,
    ...(kernel === undefined ? {} : { VLB_VM_KERNEL: kernel }),
    ...options.env,
  };
  return run(command, words, { cwd: project.directory, ...options, env });
}

async function build(args: readonly string[] = [], options: VlbOptions = {}): Promise<Built> {
  const words = ['build', '--progress', 'json', '--jobs', '1', '--secret', 'TOKEN', ...args];
  return new Built(await vlb(words, options));
}

const failureOf = (built: Built, layer: string) =>
  built.events.find(
    (event): event is LayerFinished => event.type === 'layer-finished' && event.layer === layer,
  )?.failure;

test('a layer with all that a layer can have, by a user without root', async () => {
  const built = await build();
  assert.equal(built.status, 0, built.told);
  assert.equal(built.outcomes, 'base built, 20_first built');
  const notes = built.events.flatMap((event) => (event.type === 'note' ? [event.message] : []));
  assert.equal(
    notes.filter((note) => note.startsWith('layers run in a virtual machine')).length,
    1,
    built.told,
  );
  assert.deepEqual(built.output.split('\n').slice(0, 6), [
    'in /mnt as 0, color blue "$HOME"',
    'token ***',
    '755 0:0 sub',
    '755 0:0 sub/tool',
    'tool',
    'what is shared',
  ]);
  assert.equal(built.output.split('\n').at(-1), 'line 300');
  assert.deepEqual(leftovers(project), []);
});

test('what a script cannot do there, beside a layer mount and a cache that another layer wrote', async () => {
  const server = createServer((socket) => socket.end('the host'));
  await new Promise<void>((resolve) => server.listen(PORT, '127.0.0.1', resolve));
  project.write({ 'layers/30_hostile/build-layer': HOSTILE.replaceAll('PROJECT', project.directory) });
  project.write(FAILURES);
  give();
  const built = await build(['-k']);
  server.close();
  assert.equal(built.status, 1, built.told);
  const lines = built.events.flatMap((event) =>
    event.type === 'output' && event.layer === '30_hostile' ? [event.line] : [],
  );
  assert.deepEqual(lines.slice(0, 2), ['kept', 'one'], built.told);
  assert.deepEqual(lines.slice(2, 5), [
    'processors 1, memory 9',
    'other processes: 0',
    'no files of the host',
  ]);
  // A connection would print `the host`.
  assert.deepEqual(
    lines.slice(5, 7).map((line) => line.trim()),
    ['from 127.0.0.1:', 'from 10.0.2.2:'],
  );
  assert.equal(lines.at(-1), 'the disk is full');
  // The same build: what goes wrong is reported as on the other backends.
  assert.equal(
    failureOf(built, '40_fails')?.message,
    'layer 40_fails: build-layer failed with exit status 3',
  );
  assert.equal(failureOf(built, '40_fails')?.detail?.at(-1), 'wrong');
  assert.equal(
    failureOf(built, '41_hangs')?.message,
    'layer 41_hangs: build-layer ran longer than its timeout, 3 s',
  );
  assert.equal(failureOf(built, '42_panics')?.message, 'the kernel of the virtual machine panicked');
  assert.match(failureOf(built, '42_panics')?.detail?.join('\n') ?? '', /Kernel panic - not syncing: sysrq/);
  assert.match(failureOf(built, '43_grows')?.message ?? '', /failed with signal 9$/);
  assert.match(
    failureOf(built, '43_grows')?.detail?.at(-1) ?? '',
    /^vlb: the virtual machine had no memory left/,
  );
  // It is based on another layer, so it was in a guest that the hostile one has not been in.
  assert.match(readFileSync(project.path('.vlb/logs/42_panics.log'), 'utf8'), /^swappiness 60$/m);
  await untilClean(project);
});

test('a shell on the disk that a script left, with streams of its own and its status', async () => {
  const shell = await vlb([
    'shell',
    '--failed',
    '40_fails',
    '--',
    'sh',
    '-c',
    'cat /made/half; echo no >&2; exit 7',
  ]);
  assert.deepEqual([shell.status, shell.stdout], [7, 'half\n'], shell.stderr);
  assert.match(shell.stderr, /^no$/m);
  await untilClean(project);
});

test('fault: QEMU of the backend vm is killed in a script, and the layer fails with the reason', async () => {
  project.write({ 'layers/40_fails/build-layer': buildLayer('echo ready; sleep 600', BRANCH) });
  give();
  let killed = false;
  const built = await build(['40_fails'], {
    onStdout: (text) => {
      if (killed || !text.includes('"line":"ready"')) return;
      killed = true;
      for (const pid of guests()) runAsRoot('kill', '-KILL', pid);
    },
  });
  assert.ok(killed, built.told);
  assert.equal(failureOf(built, '40_fails')?.kind, 'host', built.told);
  assert.equal(failureOf(built, '40_fails')?.message, 'the virtual machine has ended');
  await untilClean(project);
});

test('fault: ^C while the virtual machine of a build boots ends it at once', async () => {
  let at = 0;
  let poll: NodeJS.Timeout | undefined;
  const ended = await build(['40_fails'], {
    onStdout: (_, kill) => {
      // Nothing more is printed before it has booted.
      poll ??= setInterval(() => {
        if (at > 0 || guests().length === 0) return;
        at = performance.now();
        kill('SIGINT');
      }, 50);
    },
  });
  clearInterval(poll);
  const seconds = (performance.now() - at) / 1000;
  assert.equal(ended.status, 130, ended.told);
  assert.ok(at > 0 && seconds < 5, `${seconds} s`);
  assert.deepEqual(leftovers(project), []);
});

test('fault: ^C in a script of the backend vm ends it at once', async () => {
  let at = 0;
  const ended = await build(['40_fails'], {
    onStdout: (text, kill) => {
      if (at > 0 || !text.includes('"line":"ready"')) return;
      at = performance.now();
      kill('SIGINT');
    },
  });
  const seconds = (performance.now() - at) / 1000;
  assert.equal(ended.status, 130, ended.told);
  assert.ok(at > 0 && seconds < 5, `${seconds} s`);
  assert.deepEqual(leftovers(project), []);
});

/** The process ids of those QEMUs that work in the project's directory of runs. */
function guests(): readonly string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return (
        readFileSync(`/proc/${pid}/comm`, 'utf8').startsWith('qemu-system') &&
        readlinkSync(`/proc/${pid}/cwd`).startsWith(project.directory)
      );
    } catch {
      return false; // another process of the machine, or it has ended
    }
  });
}

/** When QEMU is killed, by the layer in which that happens. */
const KILLED = {
  '50_boots': 'create',
  '51_mounts': 'mount',
  '52_unmounts': 'unmount',
  '53_detaches': 'detach',
} as const;

test('fault: QEMU of the backend vm is killed at each stage of a layer, which then fails, and is built by the next build', async () => {
  for (const layer of Object.keys(KILLED)) {
    project.write({
      [`layers/${layer}/build-layer`]: buildLayer('echo one > /made/of-this', '# vlb: from 20_first'),
    });
  }
  give();
  const killed = new Set<string>();
  const built = await build(['-k', ...Object.keys(KILLED)], {
    onStdout: (text) => {
      for (const [layer, stage] of Object.entries(KILLED)) {
        if (killed.has(layer) || !text.includes(`"layer-stage","layer":"${layer}","stage":"${stage}"`))
          continue;
        killed.add(layer);
        killWhenItRuns();
      }
    },
  });
  assert.deepEqual([...killed], Object.keys(KILLED), built.told);
  for (const layer of Object.keys(KILLED)) {
    assert.equal(failureOf(built, layer)?.kind, 'host', built.told);
    assert.equal(failureOf(built, layer)?.message, 'the virtual machine has ended', layer);
  }
  await untilClean(project);
  const again = await build(['53_detaches']);
  assert.match(again.outcomes, /53_detaches built$/, again.told);
  for (const layer of Object.keys(KILLED)) runAsRoot('rm', '-r', project.path('layers', layer));
});

/** Kills the QEMUs of the project as soon as there is one. */
function killWhenItRuns(): void {
  const running = guests();
  for (const pid of running) runAsRoot('kill', '-KILL', pid);
  if (running.length === 0) setTimeout(killWhenItRuns, 20);
}

test('fault: SIGKILL in a build by the backend vm leaves nothing running, and the next one nothing on the disk', async () => {
  let killed = false;
  const ended = await build(['40_fails'], {
    onStdout: (text, kill) => {
      if (killed || !text.includes('"line":"ready"')) return;
      killed = true;
      kill('SIGKILL');
    },
  });
  assert.ok(killed, ended.told);
  await untilClean(project, (found) => /run|draft|lease/.test(found) && !found.startsWith('process'));
  for (const name of ['40_fails', '41_hangs', '42_panics', '43_grows']) {
    runAsRoot('rm', '-r', project.path('layers', name));
  }
  project.write({ 'layers/40_last/layer.yaml': "steps:\n  - run: 'cat /made/file'\n  - run: 'echo 2'\n" });
  give();
  const built = await build(['--backend', 'vm']);
  assert.equal(built.outcomes, 'base fresh, 20_first fresh, 30_hostile fresh, 40_last built', built.told);
  await untilClean(project);
  const points = readdirSync(project.path('.vlb/store/points')).filter((name) => name.endsWith('.qcow2'));
  assert.equal(points.length, 2, 'a cache point after each step');
});

test('the keys are those of the other backends, which continue what this one built', {
  skip: !isRoot,
}, async () => {
  const before = await project.vlb(
    ['build', '--progress', 'json', '--backend', 'fuse', '--secret', 'TOKEN'],
    {
      env: { TOKEN },
    },
  );
  const all = new Built(before);
  assert.equal(all.outcomes, 'base fresh, 20_first fresh, 30_hostile fresh, 40_last fresh', all.told);
  project.write({ 'layers/50_more/build-layer': buildLayer('cat /made/file; ls /made > /made/list') });
  const more = await project.build(['--backend', 'fuse', '--secret', 'TOKEN'], { env: { TOKEN } });
  assert.match(more.outcomes, /40_last fresh, 50_more built$/, more.told);
  assert.equal(readdirSync(project.path('.vlb/runs')).length, 0);
  assert.match(readFileSync(project.path('.vlb/logs/50_more.log'), 'utf8'), /^one$/m);
});
