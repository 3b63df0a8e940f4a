// The contract of export formats, as a suite that each has to pass: what is written holds the image, whole or not at all.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { describe, test } from 'node:test';
import { exportersFor } from '../../src/export/registry.ts';
import { qemuImg } from '../../src/host/images/qemu-img.ts';
import { failureIn, Tree, valueIn } from '../rig/tree.ts';

const LIVE = new AbortController().signal;

/** A chain of two: the upper one overwrites the first of two blocks of data, and is larger. */
function chain(tree: Tree): string {
  const [base, top] = [tree.path('base.qcow2'), tree.path('top.qcow2')];
  const qemuIo = (file: string, ...commands: readonly string[]) =>
    execFileSync('qemu-io', ['-f', 'qcow2', ...commands.flatMap((command) => ['-c', command]), file]);
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', base, '8M']);
  qemuIo(base, 'write -P 1 0 64k', 'write -P 2 1M 64k');
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', '-b', base, '-F', 'qcow2', top, '16M']);
  qemuIo(top, 'write -P 3 0 64k', 'write -P 4 12M 64k');
  return top;
}

for (const [format, exporter] of exportersFor(qemuImg)) {
  describe(`the format ${format}`, () => {
    test('the exported file has the content of the whole chain, and needs no other file', async () => {
      using tree = new Tree({});
      const top = chain(tree);
      const target = tree.path(`out.${format}`);
      valueIn(await exporter.write({ disks: [top] }, target, LIVE));
      execFileSync('qemu-img', ['compare', '-f', 'qcow2', '-F', format, top, target]);
      const info = execFileSync('qemu-img', ['info', '--output=json', '-f', format, target], {
        encoding: 'utf8',
      });
      assert.equal(JSON.parse(info)['backing-filename'], undefined);
    });

    test('a disk that is not there is a failure of this host, with the command that failed', async () => {
      using tree = new Tree({});
      const target = tree.path(`out.${format}`);
      const failure = failureIn(await exporter.write({ disks: [tree.path('none.qcow2')] }, target, LIVE));
      assert.equal(failure.kind, 'host');
      assert.match(`${failure.hint}`, /qemu-img convert/);
      assert.equal(existsSync(target), false);
    });

    test('it ends when it is interrupted', async () => {
      using tree = new Tree({});
      const top = chain(tree);
      const signal = AbortSignal.abort();
      const failure = failureIn(await exporter.write({ disks: [top] }, tree.path('out'), signal));
      assert.equal(failure.kind, 'interrupted');
    });
  });
}
