// A graph on a Slurm of four nodes on this machine, against a build with as many jobs here: scripts that only sleep, so that
// what the engine and the bucket add is measured, and not the processors. The second time, a node is killed in the middle.

import { Gateway } from '../../test/rig/s3/gateway.ts';
import { Team } from '../../test/rig/s3/team.ts';
import { Slurm } from '../../test/rig/slurm.ts';
import { buildLayer, tinyDisk } from '../../test/rig/tiny.ts';

const NODES = 4;
/** Two jobs a node, see test/rig/slurm.ts. */
const SLOTS = 2 * NODES;
const BASES = 5;
const BRANCHES = 2;
const DEPTH = 5;
const SLEEP = 3;
const ROUNDS = 5;

/** Of each base: a layer on it, and branches of that. */
function graph(): Readonly<Record<string, string>> {
  const files: Record<string, string> = {};
  for (let base = 1; base <= BASES; base++) {
    files[`layers/${base}00_base${base}/modify-disk`] = tinyDisk({ more: `: base ${base}` });
    const sleeping = (name: string, parent: string) => {
      files[`layers/${name}/build-layer`] = buildLayer(
        `sleep ${SLEEP}; echo ${name} > /${name}`,
        `# vlb: from ${parent}`,
      );
    };
    sleeping(`${base}01_common${base}`, `base${base}`);
    for (let branch = 1; branch <= BRANCHES; branch++) {
      for (let depth = 1; depth <= DEPTH; depth++) {
        const parent = depth === 1 ? `common${base}` : `layer${base}-${branch}-${depth - 1}`;
        sleeping(`${base}${branch}${depth}_layer${base}-${branch}-${depth}`, parent);
      }
    }
  }
  return files;
}

export async function engine(): Promise<void> {
  await using gateway = await Gateway.start();
  const rows: (readonly [string, number])[] = [];
  const layers = Object.keys(graph()).length;
  const measure = async (name: string, kill: boolean) => {
    await using slurm = await Slurm.start(NODES);
    await using team = await Team.create(gateway);
    const machine = team.machine(graph());
    let killed: Promise<void> | undefined;
    const built = await team.build(machine, ['--on', 'slurm'], {
      env: slurm.env,
      onStdout: (text) => {
        if (kill && text.split('"outcome":"built"').length > layers / 2) {
          killed ??= slurm.killNode('node2').then(() => slurm.beginAgain());
        }
      },
    });
    await killed;
    const outcomes = built.outcomes.split(', ');
    const once = new Set(outcomes.filter((one) => one.endsWith(' built'))).size;
    process.stdout.write(
      `  ${name}: ${once} of ${layers} layers built, ${outcomes.length - once} other events\n`,
    );
    rows.push([name, built.finished?.seconds ?? 0]);
  };
  {
    await using team = await Team.create(gateway);
    const local = await team.build(team.machine(graph()), ['--cache', 'remote:off', '--jobs', String(SLOTS)]);
    rows.push([`here, ${SLOTS} at a time`, local.finished?.seconds ?? 0]);
  }
  for (const [name, args] of [
    ['one trivial layer here', []],
    ['one trivial layer on a node', ['--on', 'slurm']],
  ] as const) {
    await using slurm = await Slurm.start(NODES);
    await using team = await Team.create(gateway);
    const machine = team.machine({ 'layers/10_base/modify-disk': tinyDisk() });
    await team.build(machine);
    const times: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      machine.write({ 'layers/20_app/build-layer': buildLayer(`echo ${round} > /app`) });
      times.push((await team.build(machine, args, { env: slurm.env })).finished?.seconds ?? 0);
    }
    rows.push([name, times.toSorted((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? 0]);
  }
  await measure('on four nodes', false);
  await measure('on four nodes, one killed', true);
  const path = SLEEP * (1 + DEPTH);
  const work = (SLEEP * BASES * (1 + BRANCHES * DEPTH)) / SLOTS;
  process.stdout.write(`  longest chain ${path} s, all sleep over ${SLOTS} places ${work.toFixed(1)} s\n`);
  for (const [name, time] of rows) process.stdout.write(`  ${name.padEnd(28)} ${time.toFixed(1)} s\n`);
}
