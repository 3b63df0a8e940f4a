// What a further disk costs a layer that does nothing, while its system mounts it.

import { tinyDisk, tinyWithData } from '../../test/rig/tiny.ts';
import { compare, inSeconds, printFigures, printTable } from '../lib/compare.ts';
import { buildOne, vlbSeconds, writeScript } from '../lib/project.ts';
import type { Scratch } from '../lib/scratch.ts';

const ROUNDS = 15;

export async function disks(scratch: Scratch): Promise<void> {
  const bases = [
    { name: 'one disk', base: tinyDisk() },
    { name: 'two disks', base: tinyWithData() },
  ];
  const figures = await compare(
    bases.map(({ name, base }) => {
      const project = scratch.make(name.replace(' ', '-'));
      writeScript(project, '10_base', 'modify-disk', base);
      writeScript(project, '20_layer', 'build-layer', '#!/bin/sh\ntrue\n');
      vlbSeconds(project, 'build');
      return { name, run: () => buildOne(project, '20_layer', '--force=20_layer').whole };
    }),
    ROUNDS,
  );
  printFigures(figures);
  const [one, two] = figures;
  if (!one || !two) return;
  const more = [two.median - one.median, two.min - one.min].map(inSeconds);
  printTable(['', 'median', 'of min'], [['the second disk', ...more]]);
}
