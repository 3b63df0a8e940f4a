// A disk mounted read-only, as one mounts it without vlb: qemu-storage-daemon shows it as a file, a loop device has its partition.

import { spawn } from 'node:child_process';
import { mkdtempSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { output } from './command.ts';
import type { Scratch } from './scratch.ts';

export interface MountedDisk extends AsyncDisposable {
  readonly directory: string;
}

/** Mounts a partition, counted from 0, of a qcow2 disk. Needs root. */
export async function mountDisk(scratch: Scratch, image: string, partition = 0): Promise<MountedDisk> {
  const directory = mkdtempSync(path.join(scratch.directory, 'mounted-'));
  const file = `${directory}.raw`;
  writeFileSync(file, '');
  const node = `driver=qcow2,node-name=disk,read-only=on,file.driver=file,file.filename=${image}`;
  const daemon = spawn(
    'qemu-storage-daemon',
    ['--blockdev', node, '--export', `type=fuse,id=export,node-name=disk,mountpoint=${file}`],
    { stdio: 'ignore' },
  );
  const ended = new Promise((resolve) => daemon.on('exit', resolve));
  for (let waited = 0; statSync(file).size === 0; waited++) {
    if (waited > 500) throw new Error('qemu-storage-daemon shows no disk');
    await sleep(20);
  }
  const table = JSON.parse(output(['sfdisk', '--json', file]));
  const { start, size } = table.partitiontable.partitions[partition];
  const [offset, limit] = [start * 512, size * 512].map(String);
  const attach = [
    'losetup',
    '--find',
    '--show',
    '--read-only',
    '--offset',
    `${offset}`,
    '--sizelimit',
    `${limit}`,
    file,
  ];
  const device = output(attach).trim();
  output(['mount', '-o', 'ro,noload', device, directory]);
  return {
    directory,
    [Symbol.asyncDispose]: async () => {
      output(['umount', directory]);
      output(['losetup', '--detach', device]);
      daemon.kill();
      await ended;
    },
  };
}
