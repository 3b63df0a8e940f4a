// What is large goes through the shared cache in pieces; and what was built elsewhere boots here.

import assert from 'node:assert/strict';
import { readdirSync, readFileSync, readlinkSync, statSync } from 'node:fs';
import { after, before, test } from 'node:test';
import { diskThatWrites } from '../rig/boot/boot-sector.ts';
import type { Built, TestProject } from '../rig/project.ts';
import { Gateway } from '../rig/s3/gateway.ts';
import { notesOf, Team } from '../rig/s3/team.ts';

const GIBIBYTE = 2 ** 30;
const MOST_MEMORY = 200_000_000;

let gateway: Gateway;

before(async () => {
  gateway = await Gateway.start();
});
after(async () => gateway?.[Symbol.asyncDispose]());

/** The most memory that the vlb of a project had while something went on, bytes. */
async function memoryDuring(machine: TestProject, work: Promise<Built>): Promise<number> {
  let most = 0;
  const look = () => {
    for (const pid of readdirSync('/proc').filter((name) => /^\d+$/.test(name))) {
      const command = readOrEmpty(`/proc/${pid}/cmdline`);
      if (!command.includes('dist/main.mjs') || readCwd(pid) !== machine.directory) continue;
      // The kernel keeps the highest there ever was: proc(5), VmHWM.
      const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(readOrEmpty(`/proc/${pid}/status`))?.[1];
      most = Math.max(most, Number(kilobytes ?? 0) * 1024);
    }
  };
  const clock = setInterval(look, 50);
  await work.finally(() => clearInterval(clock));
  return most;
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}

function readCwd(pid: string): string {
  try {
    return readlinkSync(`/proc/${pid}/cwd`);
  } catch {
    return '';
  }
}

test('a gigabyte is pushed and pulled with less than 200 MB of memory', async (t) => {
  await using team = await Team.create(gateway);
  const files = {
    'layers/10_large/modify-disk': `#!/bin/sh
# vlb: from scratch
# vlb: disk-size 1100M
head -c ${GIBIBYTE} /dev/urandom > "$3"
`,
  };
  const [one, two] = [team.machine(files), team.machine(files)];
  for (const [machine, outcome] of [
    [one, 'built'],
    [two, 'restored'],
  ] as const) {
    const work = team.build(machine);
    const memory = await memoryDuring(machine, work);
    const built = await work;
    assert.equal(built.outcomes, `10_large ${outcome}`, built.told);
    assert.ok(statSync(machine.path('build/image.qcow2')).size > GIBIBYTE);
    const { shared } = built.finished ?? assert.fail(built.told);
    const moved = outcome === 'built' ? shared?.pushed : shared?.fetched;
    assert.ok(moved && moved.bytes > GIBIBYTE, built.told);
    t.diagnostic(`${outcome}: ${Math.round(memory / 2 ** 20)} MiB, ${moved.seconds} s`);
    assert.ok(memory > 20 * 2 ** 20, 'it was looked at');
    assert.ok(memory < MOST_MEMORY, `${outcome}: ${memory} bytes`);
  }
  assert.equal(readlinkSync(one.path('build/image.qcow2')), readlinkSync(two.path('build/image.qcow2')));
});

test('several large layers at once take no more memory', async (t) => {
  await using team = await Team.create(gateway);
  const layer = (name: string) => [
    `layers/${name}/modify-disk`,
    `#!/bin/sh\n# vlb: from scratch\n# vlb: disk-size 200M\nhead -c 150M /dev/urandom > "$3" # ${name}\n`,
  ];
  const files = Object.fromEntries(['10_a', '20_b', '30_c', '40_d'].map(layer));
  const [one, two] = [team.machine(files), team.machine(files)];
  for (const [machine, outcome] of [
    [one, 'built'],
    [two, 'restored'],
  ] as const) {
    const work = team.build(machine, ['--jobs', '4']);
    const memory = await memoryDuring(machine, work);
    const built = await work;
    assert.deepEqual(
      new Set(built.outcomes.split(', ').map((each) => each.split(' ')[1])),
      new Set([outcome]),
    );
    t.diagnostic(`${outcome}: ${Math.round(memory / 2 ** 20)} MiB`);
    assert.ok(memory > 20 * 2 ** 20 && memory < MOST_MEMORY, `${outcome}: ${memory} bytes`);
  }
});

test('^C while the last layer is pushed calls off the push alone: the layer is here', async () => {
  await using team = await Team.create(gateway);
  const machine = team.machine({
    'layers/10_large/modify-disk': `#!/bin/sh
# vlb: from scratch
# vlb: disk-size 500M
head -c 400M /dev/urandom > "$3"
`,
  });
  let isSent = false;
  const interrupted = await team.build(machine, [], {
    onStdout: (text, kill) => {
      if (isSent || !/"type":"transfer","direction":"push".*"state":"under way"/.test(text)) return;
      isSent = true;
      kill('SIGINT');
    },
  });
  assert.equal(interrupted.status, 130, interrupted.told);
  assert.equal(interrupted.outcomes, '10_large built', interrupted.told);
  assert.ok(notesOf(interrupted).includes('10_large was built but not shared: interrupted'));
  assert.deepEqual(await team.bucket.namesLike(/artifacts|records/), []);
  assert.equal((await team.build(machine)).outcomes, '10_large fresh');
});

test('an image that was built elsewhere boots here', async () => {
  await using team = await Team.create(gateway);
  const sector = diskThatWrites('made elsewhere\r\nlogin: ').toString('base64');
  const files = {
    'layers/10_boots/modify-disk':
      '#!/bin/sh\n# vlb: from scratch\n# vlb: disk-size 2M\nbase64 -d sector > "$3"\n',
    'layers/10_boots/sector': sector,
    'layers/20_more/modify-disk':
      '#!/bin/sh\n# vlb: disk-size 4M\nhead -c 100000 /dev/urandom | dd of="$3" bs=1M seek=2 conv=notrunc 2>/dev/null\n',
  };
  const [one, two] = [team.machine(files), team.machine(files)];
  assert.equal((await team.build(one)).status, 0);
  const restored = await team.build(two);
  assert.equal(restored.outcomes, '10_boots restored, 20_more restored', restored.told);
  const boot = ['test-boot', '--check', '--accel', 'tcg', '--timeout', '5m'];
  for (const machine of [one, two]) {
    const booted = await machine.vlb(boot);
    assert.equal(booted.status, 0, booted.stderr);
  }
});
