// What the backend vm costs, by the accelerator that works here, against fuse on the same machine.

import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { chooseAccelerator, lookAtKvm } from '../../src/host/boot/qemu/accelerator.ts';
import { tinyImage } from '../../test/rig/tiny.ts';
import { compare, type Figure, inSeconds, printFigures, printTable } from '../lib/compare.ts';
import { layerNames, vlbSeconds, writeScript } from '../lib/project.ts';
import type { Scratch } from '../lib/scratch.ts';

const ROUNDS = 2;
const MANY = 5;

export async function vm(scratch: Scratch): Promise<void> {
  const chosen = chooseAccelerator('auto', lookAtKvm());
  if (!chosen.ok) throw new Error(chosen.failure.message);
  process.stdout.write(`  ${chosen.value.why}\n`);
  const [one, many] = [1, MANY].map((count) => projectOf(scratch, count)) as [string, string]; // two of them
  const build = (project: string, backend: string) =>
    vlbSeconds(project, 'build', '--backend', backend, '--force', '--jobs', '1');
  for (const project of [one, many]) build(project, 'fuse');
  const figures: Figure[] = [];
  for (const [project, what] of [
    [one, 'a trivial layer'],
    [many, `${MANY} trivial layers`],
  ] as const) {
    const measured = await compare(
      ['fuse', 'vm'].map((backend) => ({ name: `${what}, ${backend}`, run: () => build(project, backend) })),
      ROUNDS,
    );
    printFigures(measured);
    figures.push(...measured);
  }
  const each = ['fuse', 'vm'].flatMap((backend) => {
    const [first, all] = figures.filter(({ name }) => name.endsWith(backend));
    if (!first || !all) return [];
    return [
      [
        backend,
        inSeconds((all.median - first.median) / (MANY - 1)),
        inSeconds((all.min - first.min) / (MANY - 1)),
      ],
    ];
  });
  printTable(['each further layer', 'median', 'of min'], each);
}

function projectOf(scratch: Scratch, count: number): string {
  const project = scratch.make(`vm-${count}`);
  tinyImage(path.join(project, 'base.qcow2'));
  writeFileSync(path.join(project, 'vlb.yaml'), 'base: base.qcow2\n');
  for (const name of layerNames(count))
    writeScript(project, name, 'build-layer', '#!/bin/sh\n# nocache\ntrue\n');
  return project;
}
