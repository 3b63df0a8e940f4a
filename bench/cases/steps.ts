// What layers of steps cost beyond what their steps do: an edit of the last one, each step, and the size of the delta.

import { tinyDisk } from '../../test/rig/tiny.ts';
import { compare, inMegabytes, inSeconds, printFigures, printTable } from '../lib/compare.ts';
import { buildOne, vlbSeconds, writeScript } from '../lib/project.ts';
import type { Scratch } from '../lib/scratch.ts';

const ROUNDS = 9;
const STEPS = 20;

export async function steps(scratch: Scratch): Promise<void> {
  const trivial = projectOf(scratch, 'steps-trivial');
  writeScript(trivial, '20_layer', 'build-layer', '#!/bin/sh\n# nocache\ntrue\n');
  const [one, many, edited] = [1, STEPS, STEPS].map((count, index) => {
    const project = projectOf(scratch, `steps-${index}`);
    writeSteps(
      project,
      Array.from({ length: count }, () => 'true'),
    );
    vlbSeconds(project, 'build');
    return project;
  }) as [string, string, string]; // three of them
  let edits = 0;
  const force = '--force=20_layer';
  const figures = await compare(
    [
      { name: 'a trivial build-layer', run: () => buildOne(trivial, '20_layer', force).whole },
      { name: '1 trivial step', run: () => buildOne(one, '20_layer', force).whole },
      { name: `${STEPS} trivial steps`, run: () => buildOne(many, '20_layer', force).whole },
      {
        name: `an edit of the last of ${STEPS}`,
        run: () => {
          const last = `true ${edits++}`;
          writeSteps(edited, [...Array.from({ length: STEPS - 1 }, () => 'true'), last]);
          return buildOne(edited, '20_layer').whole;
        },
      },
    ],
    ROUNDS,
  );
  printFigures(figures);
  const [, single, all] = figures;
  if (single && all) {
    const each = [all.median - single.median, all.min - single.min].map((time) => time / (STEPS - 1));
    printTable(['', 'median', 'of min'], [['each further step', ...each.map(inSeconds)]]);
  }
  printSizes(scratch);
}

/** The delta of steps that write a megabyte each, with cache points and without. */
function printSizes(scratch: Scratch): void {
  const project = projectOf(scratch, 'steps-size');
  const commands = Array.from(
    { length: STEPS },
    (_, index) => `head -c 1000000 /dev/urandom > /file${index}`,
  );
  const bytesOf = (head: string) => {
    writeSteps(project, commands, head);
    return buildOne(project, '20_layer', '--force=20_layer').bytes;
  };
  const [without, with_] = [bytesOf('cache-points: false\n'), bytesOf('')];
  printTable(
    ['', 'delta', 'ratio'],
    [
      ['without cache points', inMegabytes(without), ''],
      ['with them', inMegabytes(with_), (with_ / without).toFixed(3)],
    ],
  );
}

function projectOf(scratch: Scratch, name: string): string {
  const project = scratch.make(name);
  writeScript(project, '10_base', 'modify-disk', tinyDisk());
  return project;
}

function writeSteps(project: string, commands: readonly string[], head = ''): void {
  const text = `${head}steps:\n${commands.map((command) => `  - run: ${JSON.stringify(command)}\n`).join('')}`;
  writeScript(project, '20_layer', 'layer.yaml', text);
}
