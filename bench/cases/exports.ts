// Exports, against the tools that write the same bytes: qemu-img for disks, tar for the files of a system.

import { rmSync } from 'node:fs';
import path from 'node:path';
import { output, seconds } from '../lib/command.ts';
import { compare, printFigures } from '../lib/compare.ts';
import { debianProject, UNPACK } from '../lib/debian.ts';
import { mountDisk } from '../lib/mounted.ts';
import { vlbSeconds, writeScript } from '../lib/project.ts';
import type { Scratch } from '../lib/scratch.ts';

export async function exports(scratch: Scratch): Promise<void> {
  const project = debianProject(scratch, 'exports');
  if (project === undefined) return;
  writeScript(project, '20_files', 'build-layer', UNPACK);
  vlbSeconds(project, 'build');
  const source = path.join(project, 'build/20_files.qcow2');
  const copy = path.join(project, 'copy');
  const exported = path.join(project, 'build/export');
  /** Into nothing, with nothing of the last one left to be written to the disk. */
  const afresh = (work: () => number | Promise<number>) => () => {
    for (const place of [copy, exported]) rmSync(place, { recursive: true, force: true });
    output(['sync', '--file-system', project]);
    return work();
  };
  const vlb = (...formats: readonly string[]) =>
    vlbSeconds(project, 'export', '20_files', '--no-build', ...formats.flatMap((one) => ['--format', one]));
  const convert = (...options: readonly string[]) =>
    seconds(['qemu-img', 'convert', '-m', '16', '-W', '-f', 'qcow2', ...options, source, copy]);

  process.stdout.write('  qcow2, compressed by zstd\n');
  const zstd = ['-O', 'qcow2', '-c', '-o', 'compression_type=zstd'];
  printFigures(
    await compare(
      [
        {
          name: 'qemu-img convert -c -o compression_type=zstd -m 16 -W',
          run: afresh(() => convert(...zstd)),
        },
        { name: 'vlb export --format qcow2', run: afresh(() => vlb('qcow2')) },
        {
          name: 'vlb export --format qcow2 --format libvirt: a second format with the same disk',
          run: afresh(() => vlb('qcow2', 'libvirt')),
        },
      ],
      5,
    ),
  );

  process.stdout.write('  raw\n');
  const size = output(['qemu-img', 'info', '--output', 'json', source]);
  const bytes = Number(/"virtual-size": (\d+)/.exec(size)?.[1]);
  printFigures(
    await compare(
      [
        { name: 'qemu-img convert -m 16 -W', run: afresh(() => convert('-O', 'raw')) },
        { name: 'vlb export --format raw', run: afresh(() => vlb('raw')) },
      ],
      5,
    ),
  );
  process.stdout.write(`  the disk has ${(bytes / 1e9).toFixed(1)} GB\n`);

  process.stdout.write('  the files of the system\n');
  /** Mounted for each run: vlb does so, and what the kernel has read of a disk is gone with the mount. */
  const tar = async () => {
    await using disk = await mountDisk(scratch, source);
    const options = ['--numeric-owner', '--acls', '--xattrs', '--sparse'];
    return seconds(['tar', ...options, '-cf', copy, '-C', disk.directory, '.']);
  };
  printFigures(
    await compare(
      [
        { name: 'tar of the mounted disk', run: afresh(tar) },
        { name: 'vlb export --format rootfs', run: afresh(() => vlb('rootfs')) },
      ],
      5,
    ),
  );

  process.stdout.write('  nothing changed\n');
  vlb('qcow2', 'raw');
  printFigures(
    await compare(
      [
        { name: 'vlb build', run: () => vlbSeconds(project, 'build') },
        { name: 'vlb export --format qcow2 --format raw', run: () => vlb('qcow2', 'raw') },
      ],
      9,
    ),
  );
}
