// The journal of an ext4 that was in use is emptied on a real device: the file of the disk gets smaller, e2fsck finds nothing
// wrong, and the journal works as before.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { fuseBackend } from '../../src/host/attach/fuse.ts';
import { openRootShell } from '../../src/host/root/root-shell.ts';
import { RunShell } from '../../src/host/root/run-shell.ts';
import { emptyJournal } from '../../src/host/system/ext4-journal.ts';
import { valueIn } from '../rig/tree.ts';

const MIB = 1024 * 1024;

for (const [what, ...options] of [
  ['by default'],
  ['with small blocks, and a tree of extents', '-b', '1024', '-O', '^flex_bg', '-J', 'size=48'],
  ['without checksums, nor 64bit', '-O', '^metadata_csum,^64bit'],
  ['with large blocks', '-b', '4096', '-J', 'size=64'],
] as const) {
  test(`an ext4 made ${what}`, async () => {
    const directory = mkdtempSync(path.join(tmpdir(), 'vlb-journal-'));
    try {
      const file = path.join(directory, 'disk.qcow2');
      const raw = path.join(directory, 'raw');
      execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', file, '256M']);
      await using shell = valueIn(await openRootShell());
      for (const isFirst of [true, false]) {
        const run = new RunShell(shell, mkdtempSync(path.join(directory, 'attach-')));
        const disk = valueIn(await fuseBackend.attach(run, file));
        const { device } = disk;
        if (isFirst)
          valueIn(await shell.run(['mkfs.ext4', '-q', '-E', 'lazy_itable_init=0', ...options, device]));
        const write = [
          'mkdir -p "$1/m" && mount "$2" "$1/m" && rm -rf "$1/m/d" && mkdir "$1/m/d" || exit',
          'n=0; while [ $n -lt 250 ]; do echo $n >"$1/m/d/$n"; sync --file-system "$1/m"; n=$((n + 1)); done',
          'sync --file-system "$1/m" && umount "$1/m" && sync "$2"',
        ];
        valueIn(await shell.run(['sh', '-c', write.join('\n'), 'sh', run.directory, device]));
        const before = statSync(file).blocks * 512;
        await emptyJournal(shell, device);
        valueIn(await disk.detach());
        const freed = before - statSync(file).blocks * 512;
        assert.ok(freed > MIB, `${freed} bytes of ${before} were freed`);
        execFileSync('qemu-img', ['convert', '-O', 'raw', file, raw]);
        execFileSync('e2fsck', ['-fn', raw], { stdio: 'pipe' });
        const last = execFileSync('debugfs', ['-R', 'cat /d/249', raw], { encoding: 'utf8', stdio: 'pipe' });
        assert.equal(last, '249\n');
      }
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });
}
