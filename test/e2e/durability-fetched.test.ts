// The power is cut after layers were fetched from a shared cache, which nobody flushes: once the machine is started again, they
// are read before anything is built on them, and fetched again where they are not whole.

import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { readFromImage } from '../rig/host-state.ts';
import { CutDisk, checkAfterReplay, LoggedDisk, randomNumbers } from '../rig/power-cut.ts';
import { Built, run, VLB } from '../rig/project.ts';
import { asRoot } from '../rig/root.ts';
import { Gateway } from '../rig/s3/gateway.ts';
import { Team } from '../rig/s3/team.ts';
import { damages } from '../rig/store-truth.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

const SEED = Number(process.env['VLB_TEST_SEED'] ?? 20_261_121);
const CUTS = 8;

const FILES = {
  'layers/10_base/modify-disk': tinyDisk({ size: '32M' }),
  'layers/20_app/build-layer': buildLayer('head -c 3000000 /dev/urandom > /app; echo end > /end'),
};

let gateway: Gateway;

before(async () => {
  gateway = await Gateway.start();
});
after(async () => gateway?.[Symbol.asyncDispose]());

test('power cuts after layers were fetched', async (t) => {
  await using team = await Team.create(gateway);
  const [one, two] = [team.machine(FILES), team.machine({})];
  assert.equal((await team.build(one)).status, 0);
  const scratch = path.dirname(two.directory);
  using disk = new LoggedDisk(two.directory, scratch);
  two.write({ ...FILES, 'vlb.yaml': team.bucket.config() });
  const begun = disk.sync();
  const fetched = await team.build(two);
  assert.equal(fetched.outcomes, '10_base restored, 20_app restored', fetched.told);
  await sleep(2500); // the file system's own journal tells of the names by then
  const all = disk.entries().length;
  disk.end();
  t.diagnostic(`seed ${SEED}; ${all - begun} entries in the log since the fetch began`);
  const random = randomNumbers(SEED);
  const torn = new Set<string>();
  const outcomes = new Set<string>();
  for (let cut = 0; cut < CUTS; cut++) {
    // The last moment first: nothing more was written by then.
    const at = cut === 0 ? all : begun + Math.floor(random() * (all - begun));
    const share = random();
    await t.test(
      `fault: the power is cut after layers were fetched, ${cut}: after ${at} of ${all} entries of the log`,
      async () => {
        const file = path.join(scratch, `cut-${cut}`);
        disk.cutAfter(at, file, () => random() < share);
        assert.equal(checkAfterReplay(file), '');
        using _mounted = new CutDisk(file, two.directory);
        for (const damage of damages(two.path('.vlb/store'))) torn.add(damage);
        // The machine has another start then. Nothing but that tells vlb that the power was cut.
        const boot = path.join(scratch, 'boot-id');
        writeFileSync(boot, 'ffffffff-0000-4000-8000-000000000000\n');
        const script = 'mount --bind "$1" /proc/sys/kernel/random/boot_id; shift; exec "$@"';
        const vlb = [VLB, '-C', two.directory, 'build', '--progress', 'json'];
        // sudo passes nothing of its environment on.
        const env = Object.entries(team.bucket.env()).map(([name, value]) => `${name}=${value}`);
        const unshare = ['unshare', '--mount', 'sh', '-ec', script, 'sh', boot, ...vlb];
        const built = new Built(await run(...asRoot('env', [...env, ...unshare]), { cwd: scratch }));
        assert.equal(built.status, 0, built.told);
        assert.match(built.outcomes, /^10_base (fresh|restored), 20_app (fresh|restored)$/);
        outcomes.add(built.outcomes);
        assert.deepEqual(damages(two.path('.vlb/store')), []);
        assert.equal(readFromImage(two.path('build/image.qcow2'), scratch, '/end'), 'end\n');
      },
    );
  }
  // Or there was nothing to find.
  assert.notDeepEqual([...torn], []);
  assert.ok([...outcomes].some((told) => told.includes('restored')));
});
