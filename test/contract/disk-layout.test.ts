// The commands of the storage planner, run on files: what they make is what was planned.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, test } from 'node:test';
import { makeCommands, partitionScript } from '../../src/disk-layout/commands.ts';
import { planDisk } from '../../src/disk-layout/plan.ts';
import type { Format, Table } from '../../src/model/system/layout.ts';
import { GIB, layout, MIB, planned, wish } from '../unit/disk-layout/layouts.ts';

const scratch = mkdtempSync(path.join(tmpdir(), 'vlb-layout-'));
after(() => rmSync(scratch, { recursive: true, force: true }));
const env = { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin:/sbin` };

for (const table of ['gpt', 'mbr'] satisfies Table[]) {
  test(`sfdisk writes the table as it is planned: ${table}`, () => {
    const disk = planned({
      table,
      size: 2 * GIB + 512 * 777,
      partitions: [wish({ format: 'swap', size: 100 * MIB }), wish({ mount: '/' })],
    });
    const file = sparse(disk.size);
    execFileSync('sfdisk', ['--quiet', file], {
      input: partitionScript(disk),
      env,
      stdio: ['pipe', 'pipe', 'pipe'],
    });
    execFileSync('sfdisk', ['--verify', file], { env, stdio: 'pipe' });
    const { partitiontable } = JSON.parse(
      execFileSync('sfdisk', ['--json', file], { encoding: 'utf8', env }),
    );
    assert.equal(partitiontable.id.toLowerCase(), disk.identifier);
    assert.deepEqual(
      partitiontable.partitions.map(({ start, size, uuid }: Record<string, unknown>) => [
        Number(start) * 512,
        Number(size) * 512,
        typeof uuid === 'string' ? uuid.toLowerCase() : undefined,
      ]),
      disk.partitions.map(({ start, size, identifier }) => [start, size, identifier]),
    );
  });
}

test('the least disk for a layout has room for its table', () => {
  const wanted = { boot: [], partitions: [wish({ mount: '/', size: 8 * MIB })] };
  const least = 10 * MIB;
  assert.equal(planDisk(layout({ ...wanted, size: least - 1 }), ['x']).ok, false);
  const disk = planned({ ...wanted, size: least });
  execFileSync('sfdisk', ['--quiet', sparse(least)], {
    input: partitionScript(disk),
    env,
    stdio: ['pipe', 'pipe', 'pipe'],
  });
});

const LEAST: Readonly<Record<Exclude<Format, 'none'>, number>> = {
  ext4: 8,
  ext3: 8,
  xfs: 300,
  btrfs: 128,
  vfat: 2,
  swap: 1,
};

for (const [format, least] of Object.entries(LEAST) as [Exclude<Format, 'none'>, number][]) {
  test(`the file system of the least size is made, with its label and UUID: ${format}`, () => {
    const own = format === 'swap' ? {} : { mount: format === 'vfat' ? '/boot/efi' : '/srv' };
    const label = format === 'vfat' ? 'DATA' : 'data';
    const disk = planned({
      boot: [],
      partitions: [wish({ ...own, format, label, size: least * MIB })],
    });
    const file = sparse(least * MIB);
    const [program = '', ...args] = (makeCommands(disk)[0]?.words ?? []).map((word) =>
      typeof word === 'string' ? word : file,
    );
    execFileSync(program, args, { env, stdio: 'pipe' });
    const tags = execFileSync('blkid', ['--probe', '--output', 'export', file], { encoding: 'utf8', env });
    const tag = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(tags)?.[1];
    assert.equal(tag('TYPE'), format);
    assert.equal(tag('UUID'), disk.partitions[0]?.content?.uuid);
    assert.equal(tag('LABEL'), label);
  });
}

let count = 0;

/** A file of holes. */
function sparse(size: number): string {
  const file = path.join(scratch, String(count++));
  const descriptor = openSync(file, 'w');
  ftruncateSync(descriptor, size);
  closeSync(descriptor);
  return file;
}
