// A layer that installs packages, and one that unpacks 10,000 files, against the same script in a plain directory.

import { rmSync } from 'node:fs';
import path from 'node:path';
import { runInDirectory, unpackSystem } from '../lib/chroot.ts';
import { compare, inMegabytes, printFigures } from '../lib/compare.ts';
import { debianProject, debianTar, INSTALL, UNPACK } from '../lib/debian.ts';
import { buildOne, writeScript } from '../lib/project.ts';
import type { Scratch } from '../lib/scratch.ts';

const LAYER = '20_measured';

export async function packages(scratch: Scratch): Promise<void> {
  const project = debianProject(scratch, 'packages');
  const tar = debianTar(scratch);
  if (project === undefined || tar === undefined) return;
  const plain = path.join(scratch.directory, 'plain');
  for (const [name, script, rounds] of [
    ['packages installed', INSTALL, 3],
    ['10,000 files unpacked', UNPACK, 5],
  ] as const) {
    process.stdout.write(`  ${name}\n`);
    // Without the cache, so that each delta goes when the next one replaces it.
    writeScript(project, LAYER, 'build-layer', script.replace('\n', '\n# nocache\n'));
    let bytes = 0;
    const around: number[] = [];
    const layer = () => {
      const built = buildOne(project, LAYER, `--force=${LAYER}`);
      bytes = built.bytes;
      around.push(built.whole - built.layer);
      return built.layer;
    };
    const directory = () => {
      unpackSystem(tar, plain);
      return runInDirectory(plain, script);
    };
    const figures = await compare(
      [
        { name: 'plain directory, and sync', run: directory },
        { name: 'the layer, to its commit', run: layer },
      ],
      rounds,
    );
    printFigures(figures);
    const rest = Math.min(...around).toFixed(2);
    process.stdout.write(`  delta ${inMegabytes(bytes)}; the rest of vlb build ${rest} s\n`);
  }
  rmSync(plain, { recursive: true, force: true });
}
