// A graph on a Slurm of four nodes on this machine, against a build here: scripts that only sleep, so that what the engine and the
// bucket add is measured, and not the processors. Once with a place for each branch, and then with fewer, where a node is killed in
// the middle. The images are compared with those of the build here.

import { loadavg } from 'node:os';
import type { TestProject } from '../../test/rig/project.ts';
import { Gateway } from '../../test/rig/s3/gateway.ts';
import { Team } from '../../test/rig/s3/team.ts';
import { Slurm } from '../../test/rig/slurm.ts';
import { buildLayer, tinyDisk } from '../../test/rig/tiny.ts';

const NODES = 4;
const BASES = 5;
const BRANCHES = 2;
const DEPTH = 5;
/** The length of the longest chain, without the base, which sleeps not. */
const CHAIN = 1 + DEPTH;
const ROUNDS = 5;

/** The places of a node, and how long each layer sleeps, s. */
const WIDE = { places: 4, sleep: 20 };
const NARROW = { places: 2, sleep: 3 };

/** Of each base: a layer on it, and branches of that. */
function graph(sleep: number): Readonly<Record<string, string>> {
  const files: Record<string, string> = {};
  for (let base = 1; base <= BASES; base++) {
    files[`layers/${base}00_base${base}/modify-disk`] = tinyDisk({ more: `: base ${base}` });
    const sleeping = (name: string, parent: string) => {
      files[`layers/${name}/build-layer`] = buildLayer(
        `sleep ${sleep}; echo ${name} > /${name}`,
        `# vlb: from ${parent}`,
      );
    };
    sleeping(`${base}01_common${base}`, `base${base}`);
    for (let branch = 1; branch <= BRANCHES; branch++) {
      for (let depth = 1; depth <= DEPTH; depth++) {
        const parent = depth === 1 ? `common${base}` : `layer${base}-${branch}-${depth - 1}`;
        sleeping(layerName(base, branch, depth), parent);
      }
    }
  }
  return files;
}

function layerName(base: number, branch: number, depth: number): string {
  return `${base}${branch}${depth}_layer${base}-${branch}-${depth}`;
}

/** The images of the graph: the last layer of each branch. */
const LEAVES = Array.from({ length: BASES * BRANCHES }, (_, index) =>
  layerName(1 + Math.floor(index / BRANCHES), 1 + (index % BRANCHES), DEPTH),
);

export async function engine(): Promise<void> {
  await using gateway = await Gateway.start();
  await using team = await Team.create(gateway);
  const here = team.machine(graph(NARROW.sleep));
  const local = await team.build(here, ['--cache', 'remote:off', '--jobs', String(NODES * NARROW.places)]);
  print(`here, ${NODES * NARROW.places} at a time, sleep ${NARROW.sleep} s`, local.finished?.seconds ?? 0);
  await trivialLayer(gateway, []);
  await trivialLayer(gateway, ['--on', 'slurm']);
  await onNodes(gateway, WIDE);
  await onNodes(gateway, NARROW, { here });
  await onNodes(gateway, NARROW, { here, kill: true });
}

async function trivialLayer(gateway: Gateway, args: readonly string[]): Promise<void> {
  await using slurm = await Slurm.start(NODES);
  await using team = await Team.create(gateway);
  const machine = team.machine({ 'layers/10_base/modify-disk': tinyDisk() });
  await team.build(machine);
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    machine.write({ 'layers/20_app/build-layer': buildLayer(`echo ${round} > /app`) });
    times.push((await team.build(machine, args, { env: slurm.env })).finished?.seconds ?? 0);
  }
  const median = times.toSorted((a, b) => a - b)[Math.floor(ROUNDS / 2)] ?? 0;
  print(`one trivial layer ${args.length > 0 ? 'on a node' : 'here'}`, median);
}

interface Variant {
  /** With the images to compare with. */
  readonly here?: TestProject;
  readonly kill?: boolean;
}

async function onNodes(
  gateway: Gateway,
  { places, sleep }: typeof WIDE,
  { here, kill = false }: Variant = {},
): Promise<void> {
  await using slurm = await Slurm.start(NODES, places);
  await using team = await Team.create(gateway);
  const machine = team.machine(graph(sleep));
  const layers = BASES * (1 + 1 + BRANCHES * DEPTH);
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
  const about = `${NODES} nodes with ${places} places, sleep ${sleep} s${kill ? ', one killed' : ''}`;
  print(about, built.finished?.seconds ?? 0);
  const path = sleep * CHAIN;
  const work = (sleep * BASES * (1 + BRANCHES * DEPTH)) / (NODES * places);
  const [least, ratio] = [Math.max(path, work), (built.finished?.seconds ?? 0) / path];
  const outcomes = built.outcomes.split(', ');
  const once = new Set(outcomes.filter((one) => one.endsWith(' built'))).size;
  const lines = [
    `longest chain ${path} s, all sleep over all places ${work.toFixed(1)} s: at least ${least.toFixed(1)} s`,
    `${ratio.toFixed(2)} times the longest chain`,
    `${once} of ${layers} layers built, ${outcomes.length - once} other events`,
    ...(here ? [await compared(here, machine)] : []),
  ];
  for (const line of lines) process.stdout.write(`      ${line}\n`);
}

/** Compares the files of all images. */
async function compared(here: TestProject, there: TestProject): Promise<string> {
  let equal = 0;
  for (const leaf of LEAVES) {
    const images = [here, there].map((one) => one.path('build', `${leaf}.qcow2`));
    const { stdout, stderr } = await there.vlb(['diff', '--json', ...images]);
    if (stderr !== '') throw new Error(stderr);
    if (JSON.parse(stdout).files.length === 0) equal++;
  }
  return `${equal} of ${LEAVES.length} images have the files of those that were built here`;
}

function print(what: string, seconds: number): void {
  const [load = 0] = loadavg();
  process.stdout.write(`  ${what.padEnd(50)} ${seconds.toFixed(1).padStart(6)} s  load ${load.toFixed(1)}\n`);
}
