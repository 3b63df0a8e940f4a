// How time and memory grow with the number of files, of layers, and of layers on top of each other.

import { rmSync } from 'node:fs';
import { tinyDisk } from '../../test/rig/tiny.ts';
import { peakMemory, seconds, VLB } from '../lib/command.ts';
import { compare, inMegabytes, inSeconds, printTable } from '../lib/compare.ts';
import { buildOne, vlbSeconds, writeLayers, writeScript } from '../lib/project.ts';
import type { Scratch } from '../lib/scratch.ts';

const FILES = [1_000, 10_000, 100_000];
const LAYERS = [10, 100, 1_000];
const DEPTHS = [20, 250];
const ROUNDS = 7;

export async function scaling(scratch: Scratch): Promise<void> {
  await inFiles(scratch);
  await inLayers(scratch);
  await inDepth(scratch);
}

async function inFiles(scratch: Scratch): Promise<void> {
  const rows: string[][] = [];
  for (const files of FILES) {
    const project = scratch.make(`files-${files}`);
    writeScript(project, '10_base', 'modify-disk', tinyDisk());
    writeLayers(project, 10, files / 10);
    vlbSeconds(project, 'build');
    const [figure] = await compare([{ name: '', run: () => vlbSeconds(project, 'build') }], 7);
    const peak = await peakMemory([VLB, '-C', project, 'build']);
    const each = ((figure?.median ?? 0) / files) * 1e6;
    rows.push([`${files} files`, inSeconds(figure?.median ?? 0), `${each.toFixed(1)} µs`, inMegabytes(peak)]);
    rmSync(project, { recursive: true });
  }
  printTable(['vlb build, nothing to do, 11 layers', 'median', 'a file', 'peak RSS'], rows);
}

async function inLayers(scratch: Scratch): Promise<void> {
  const rows: string[][] = [];
  for (const layers of LAYERS) {
    const project = scratch.make(`layers-${layers}`);
    writeScript(project, '10_base', 'modify-disk', tinyDisk());
    // Branches that are all alike have one key, so that two runs build them all.
    writeLayers(project, layers, 0, '# vlb: from 10_base');
    const plan = () => seconds([VLB, '-C', project, 'plan']);
    const [before] = await compare([{ name: '', run: plan }], 5);
    vlbSeconds(project, 'build');
    const [after] = await compare([{ name: '', run: plan }], 5);
    const peak = await peakMemory([VLB, '-C', project, 'plan']);
    rows.push([
      `${layers} layers`,
      inSeconds(before?.median ?? 0),
      inSeconds(after?.median ?? 0),
      inMegabytes(peak),
    ]);
    rmSync(project, { recursive: true });
  }
  printTable(['vlb plan', 'nothing built', 'all built', 'peak RSS'], rows);
}

/** Chains: the first layer and the last one are built again, and then nothing is. */
async function inDepth(scratch: Scratch): Promise<void> {
  const rows: string[][] = [];
  for (const depth of DEPTHS) {
    const project = scratch.make(`depth-${depth}`);
    writeScript(project, '10_base', 'modify-disk', tinyDisk());
    const names = writeLayers(project, depth, 0, '# nocache');
    const built = vlbSeconds(project, 'build');
    const again =
      (layer = '') =>
      () =>
        buildOne(project, layer, `--force=${layer}`, layer).layer;
    const [first, last, nothing] = await compare(
      [
        { name: '', run: again(names[0]) },
        { name: '', run: again(names.at(-1)) },
        { name: '', run: () => vlbSeconds(project, 'build', names.at(-1) ?? '') },
      ],
      ROUNDS,
    );
    const figures = [built, first?.median ?? 0, last?.median ?? 0, nothing?.median ?? 0];
    rows.push([`${depth} layers`, ...figures.map(inSeconds)]);
    rmSync(project, { recursive: true });
  }
  printTable(
    ['vlb build of a chain', 'all of it', 'the first layer', 'the last layer', 'nothing to do'],
    rows,
  );
}
