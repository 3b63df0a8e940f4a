// One flat image of a chain, against qemu-img's own ways to make one.

import { rmSync } from 'node:fs';
import path from 'node:path';
import { output, seconds } from '../lib/command.ts';
import { compare, inMegabytes, printFigures } from '../lib/compare.ts';
import { debianProject, UNPACK } from '../lib/debian.ts';
import { vlbSeconds, writeScript } from '../lib/project.ts';
import type { Scratch } from '../lib/scratch.ts';

export async function flatten(scratch: Scratch): Promise<void> {
  const project = debianProject(scratch, 'flatten');
  if (project === undefined) return;
  writeScript(project, '20_files', 'build-layer', UNPACK);
  vlbSeconds(project, 'build');
  const source = path.join(project, 'build/20_files.qcow2');
  const image = path.join(project, 'build/image.qcow2');
  const copy = path.join(project, 'copy.qcow2');
  const afresh = (file: string, work: () => number) => () => {
    rmSync(file, { force: true });
    const time = work();
    // What is still to be written to the disk must not slow down the next one.
    output(['sync', '--file-system', project]);
    return time;
  };
  const convert = ['qemu-img', 'convert', '-m', '16', '-W', '-f', 'qcow2', '-O', 'qcow2', source, copy];
  const rebase = () => {
    const created = seconds(['qemu-img', 'create', '-q', '-f', 'qcow2', '-b', source, '-F', 'qcow2', copy]);
    return created + seconds(['qemu-img', 'rebase', '-q', '-b', '', copy]);
  };
  const figures = await compare(
    [
      { name: 'qemu-img convert -m 16 -W', run: afresh(copy, () => seconds(convert)) },
      { name: 'vlb build --flatten', run: afresh(image, () => vlbSeconds(project, 'build', '--flatten')) },
      { name: "qemu-img create -b, rebase -b ''", run: afresh(copy, rebase), rounds: 2 },
    ],
    5,
  );
  const again = await compare(
    [{ name: 'vlb build --flatten, nothing changed', run: () => vlbSeconds(project, 'build', '--flatten') }],
    5,
  );
  printFigures([...figures, ...again]);
  const bytes = Number(output(['stat', '--dereference', '--format=%s', image]));
  process.stdout.write(`  the flat image has ${inMegabytes(bytes)}\n`);
}
