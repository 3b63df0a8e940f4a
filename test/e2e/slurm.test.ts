// vlb build --on slurm, with a real Slurm of four nodes and a bucket: each layer is built once, wherever it is.

import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Built, REPOSITORY, run, type TestProject, type VlbOptions } from '../rig/project.ts';
import { isRoot } from '../rig/root.ts';
import { Gateway } from '../rig/s3/gateway.ts';
import { notesOf, Team } from '../rig/s3/team.ts';
import { Slurm } from '../rig/slurm.ts';
import { buildLayer, tinyDisk } from '../rig/tiny.ts';

const NODES = 4;

/** Its daemons have to be those of the user who owns their files, and each node has mounts of its own. */
const skip = isRoot ? false : 'needs root';

let gateway: Gateway;
let slurm: Slurm;
before(
  async () => {
    if (skip) return;
    gateway = await Gateway.start();
    slurm = await Slurm.start(NODES);
  },
  { timeout: 240_000 },
);
after(async () => {
  await slurm?.[Symbol.asyncDispose]();
  await gateway?.[Symbol.asyncDispose]();
});

/** A base, and three layers on it of which the last one reads the others. */
const GRAPH = {
  'layers/10_base/modify-disk': tinyDisk(),
  'layers/20_app/build-layer': buildLayer('echo app > /app; echo "app built"'),
  'layers/30_a/build-layer': buildLayer('sleep 1; echo a > /a', '# vlb: from app'),
  'layers/40_b/build-layer': buildLayer('sleep 1; echo b > /b', '# vlb: from app'),
  'layers/50_all/build-layer': buildLayer('cat /m/a > /all', '# vlb: from b\n# vlb: mount a /m'),
};

function buildOnSlurm(
  team: Team,
  machine: TestProject,
  { env = {}, ...options }: VlbOptions = {},
): Promise<Built> {
  return team.build(machine, ['--on', 'slurm'], { ...options, env: { ...slurm.env, ...env } });
}

/** The layers that ran, each as often as it did. */
function runs(built: Built): readonly string[] {
  return built.events.flatMap((event) => (event.type === 'layer-started' ? [event.layer] : [])).toSorted();
}

/** Where a layer has begun to run. */
function nodeOf(layer: string, text: string): string | undefined {
  const [begun] = text
    .split('\n')
    .filter((line) => line.startsWith(`{"type":"layer-started","layer":"${layer}"`));
  return /"node":"(\w+)"/.exec(begun ?? '')?.[1];
}

describe('vlb build --on slurm', { concurrency: true, timeout: 240_000, skip }, () => {
  test('each layer is built once, on a node, with its output here; nothing to do is no job', async () => {
    await using team = await Team.create(gateway);
    const machine = team.machine(GRAPH);
    const built = await buildOnSlurm(team, machine);
    assert.equal(built.status, 0, built.told);
    const layers = ['10_base', '20_app', '30_a', '40_b', '50_all'];
    assert.deepEqual(runs(built), layers, built.told);
    assert.deepEqual(
      built.outcomes.split(', ').toSorted(),
      layers.map((layer) => `${layer} built`),
    );
    assert.deepEqual(built.finished?.counts, { fresh: 0, restored: 0, built: 5, failed: 0, skipped: 0 });
    for (const layer of layers) assert.match(nodeOf(layer, built.ended.stdout) ?? '', /^node[1-4]$/);
    assert.equal(built.events.filter((event) => event.type === 'plan').length, 1);
    assert.match(notesOf(built).join('\n'), /^slurm has 4 jobs for 5 layers$/m);
    assert.ok(existsSync(machine.path('build/image.qcow2')));
    assert.match((await machine.vlb(['log', 'app'])).stdout, /^app built$/m);
    assert.deepEqual(readdirSync(machine.path('.vlb/placed')), []);
    const here = team.machine(GRAPH);
    assert.equal((await team.build(here, ['--cache', 'remote:off'])).status, 0);
    const images = [here, machine].map((one) => one.path('build/image.qcow2'));
    const differs = await machine.vlb(['diff', '--json', ...images]);
    assert.deepEqual(JSON.parse(differs.stdout).files, [], differs.stdout);
    const again = await buildOnSlurm(team, machine);
    assert.equal(again.finished?.counts.fresh, 5, again.told);
    assert.deepEqual(notesOf(again), []);
  });

  test('a layer that fails does so as here; what needs it is skipped', async () => {
    await using team = await Team.create(gateway);
    const script = buildLayer('echo "no such thing"; exit 7', '# vlb: from app');
    const machine = team.machine({ ...GRAPH, 'layers/40_b/build-layer': script });
    const built = await buildOnSlurm(team, machine);
    assert.equal(built.status, 1, built.told);
    const [failed, ...others] = built.finished?.failures ?? [];
    assert.deepEqual(others, []);
    assert.equal(failed?.layer, '40_b');
    assert.deepEqual([failed.failure.kind, failed.failure.exitStatus], ['work', 7]);
    assert.ok(failed.skipped.includes('50_all'), built.told);
    assert.match((await machine.vlb(['log', 'b'])).stdout, /^no such thing$/m);
  });

  test('^C cancels the jobs', async () => {
    await using team = await Team.create(gateway);
    const script = buildLayer('sleep 100', '# vlb: from base');
    const machine = team.machine({ ...GRAPH, 'layers/60_endless/build-layer': script });
    const built = await buildOnSlurm(team, machine, {
      onStdout: (text, kill) => {
        if (nodeOf('60_endless', text) !== undefined) kill('SIGINT');
      },
    });
    assert.equal(built.status, 130, built.told);
    // One that was being written at that moment may stay, and is void after a minute.
    for (const name of await team.bucket.namesLike(/claims/)) {
      assert.doesNotMatch((await team.bucket.read(name)).toString(), /60_endless/);
    }
    assert.ok(built.outcomes.includes('60_endless skipped'), built.told);
    assert.equal(slurm.jobs().includes('vlb:60_endless'), false);
  });

  test('the script of vlb ci does the same', async () => {
    await using team = await Team.create(gateway);
    const machine = team.machine(GRAPH);
    const written = await machine.vlb(['ci', '--format', 'slurm', '--output', 'jobs.sh']);
    assert.equal(written.status, 0, written.stderr);
    const env = {
      ...slurm.env,
      ...team.bucket.env(),
      PATH: `${path.join(REPOSITORY, 'bin')}:${process.env['PATH']}`,
    };
    const submitted = await run('sh', ['jobs.sh'], { cwd: machine.directory, env });
    const jobs = /^submitted:((?: \d+){4})$/m.exec(submitted.stdout)?.[1]?.trim().replaceAll(' ', ',') ?? '';
    assert.notEqual(jobs, '', submitted.stderr);
    const states = () => slurm.run('squeue', '--noheader', '--states=all', '--format=%T', `--jobs=${jobs}`);
    while (/PENDING|RUNNING|COMPLETING/.test(states())) await sleep(500);
    assert.match(states(), /^(COMPLETED\s+){4}$/);
    const built = await team.build(team.machine(GRAPH));
    assert.equal(built.finished?.counts.built, 0, built.told);
  });

  test('without a shared cache that can be used it is refused', async () => {
    await using team = await Team.create(gateway);
    const machine = team.machine(GRAPH);
    machine.write({ 'vlb.yaml': '{}\n' });
    const refused = await machine.vlb(['build', '--on', 'slurm'], { env: slurm.env });
    assert.equal(refused.status, 2);
    assert.match(refused.stderr, /^error: the project has no shared cache\n/);
    const reading = await buildOnSlurm(team, team.machine(GRAPH), { env: { VLB_CACHE: 'remote:r' } });
    assert.match(reading.finished?.failure?.message ?? '', /the shared cache, which is read-only here/);
    // Before anything is handed to Slurm: jobs could not share what they build.
    const key = Buffer.alloc(32, 1).toString('base64');
    const unsigned = await buildOnSlurm(team, team.machine(GRAPH, `  trusted-keys: [${key}]\n`));
    assert.match(unsigned.finished?.failure?.message ?? '', /^the shared cache cannot be written to/);
    assert.match(notesOf(unsigned).join('\n'), /^not writing to the shared cache .*: no signing key/);
    const away = team.machine(GRAPH);
    away.write({ 'vlb.yaml': 'cache: { s3: { bucket: layers, endpoint: "http://127.0.0.1:9" } }\n' });
    const alone = await buildOnSlurm(team, away);
    assert.match(alone.finished?.failure?.message ?? '', /^the shared cache does not answer/, alone.told);
  });
});

// Alone, since all jobs on that node die.
test('fault: the node that builds a layer dies: another one builds it', {
  timeout: 240_000,
  skip,
}, async () => {
  await using team = await Team.create(gateway);
  const script = buildLayer('sleep 4; echo a > /a', '# vlb: from app');
  const machine = team.machine({ ...GRAPH, 'layers/30_a/build-layer': script });
  let killed: Promise<void> | undefined;
  const built = await buildOnSlurm(team, machine, {
    onStdout: (text) => {
      const node = nodeOf('30_a', text);
      if (node === undefined || !text.includes('"layer":"30_a","stage":"run"')) return;
      killed ??= slurm.killNode(node).then(() => slurm.beginAgain());
    },
  });
  await killed;
  assert.equal(built.status, 0, built.told);
  assert.match(notesOf(built).join('\n'), /^30_a begins again on node\d: node\d failed$/m);
  assert.equal(runs(built).filter((layer) => layer === '30_a').length, 2);
  // What else was on that node runs again too, and nothing is built twice.
  const layers = built.outcomes.split(', ').toSorted();
  assert.deepEqual(layers, ['10_base built', '20_app built', '30_a built', '40_b built', '50_all built']);
});
