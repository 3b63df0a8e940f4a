// A shell in an image file that a signal ends before it has begun.

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { test } from 'node:test';
import { openImageShell } from '../../../../src/execute/look/image-shell.ts';
import { PLATFORM, Tree } from '../../../rig/tree.ts';
import { FakeHost } from '../fake-host.ts';

test('nothing is created, attached or run', async () => {
  using tree = new Tree();
  tree.write({ image: 'a disk', 'run/': '' });
  const host = new FakeHost();
  const directory = tree.path('run');
  const bench = await host.openWorkbench(directory);
  assert.ok(bench.ok);
  const ended = await openImageShell(
    {
      image: { file: tree.path('image'), format: 'raw' },
      write: true,
      argv: ['true'],
      hasTerminal: false,
      environment: { directory: tree.directory, variables: {}, platform: PLATFORM },
      emit: () => {},
      signal: AbortSignal.abort(),
    },
    { bench: bench.value, directory, images: host.images },
  );
  assert.equal(ended.ok ? '' : ended.failure.kind, 'interrupted');
  assert.deepEqual(host.calls, []);
  assert.ok(!existsSync(tree.path('image.changes.qcow2')));
});
