// Files that people write and give: what is none, or larger than it can be, is told and neither waited for nor read whole.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, openSync, truncateSync } from 'node:fs';
import { describe, test } from 'node:test';
import type { Result } from '../../../../src/model/failure.ts';
import { loadConfig } from '../../../../src/project/config/config.ts';
import { rulesIn } from '../../../../src/project/inputs/ignore.ts';
import { readFile } from '../../../../src/project/inputs/read-file.ts';
import { discoverLayers } from '../../../../src/project/layers/discover.ts';
import { givenSecrets } from '../../../../src/project/layers/secrets.ts';
import { failureIn, layerOf, PLATFORM, Tree, valueIn } from '../../../rig/tree.ts';

const OPTIONS = { what: 'it', atMost: 1024 };

test('a file is read whole, up to the most that it may be', () => {
  for (const size of [0, 1, 1024]) {
    using tree = new Tree({ file: 'x'.repeat(size) });
    assert.equal(valueIn(readFile(tree.path('file'), OPTIONS)).toString(), 'x'.repeat(size));
  }
  using tree = new Tree({ file: 'x'.repeat(1025) });
  assert.equal(failureIn(readFile(tree.path('file'), OPTIONS)).message, 'it is larger than 1 KiB');
});

test('a pipe is read where it may be one', () => {
  using tree = new Tree();
  execFileSync('mkfifo', [tree.path('pipe')]);
  const kept = openSync(tree.path('pipe'), 'r+'); // so that nobody waits for somebody to write
  execFileSync('sh', ['-c', 'echo x > "$1"', 'sh', tree.path('pipe')]);
  assert.match(failureIn(readFile(tree.path('pipe'), OPTIONS)).message, /^it is not a file$/);
  closeSync(kept);
  // Of a file without an end so much is read as there may be.
  const endless = failureIn(readFile('/dev/zero', { ...OPTIONS, orPipe: true }));
  assert.equal(endless.message, 'it is larger than 1 KiB');
});

describe('in a project', () => {
  const PLACES: readonly (readonly [
    string,
    string,
    (tree: Tree) => Result<unknown> | Promise<Result<unknown>>,
  ])[] = [
    ['vlb.yaml', 'vlb.yaml', (tree) => loadConfig(tree.directory)],
    ['.vlbignore', '.vlbignore', (tree) => rulesIn(tree.directory, tree.directory, new Map())],
    ['10_a/build-layer', 'the script of layer 10_a', (tree) => discoverLayers(tree.directory, PLATFORM)],
  ];
  for (const [name, what, read] of PLACES) {
    test(`a FIFO as ${name}`, async () => {
      using tree = new Tree({ '10_a/': '' });
      execFileSync('mkfifo', ['-m', '755', tree.path(name)]);
      const { message, where } = failureIn(await read(tree));
      assert.deepEqual([message, where?.file], [`${what} is not a file`, tree.path(name)]);
    });

    test(`a ${name} of 3 GiB`, async () => {
      using tree = new Tree({ '10_a/': '', [name]: { content: '', mode: 0o755 } });
      truncateSync(tree.path(name), 3 * 2 ** 30);
      assert.equal(failureIn(await read(tree)).message, `${what} is larger than 65536 KiB`);
    });
  }

  test('a secret from a file without an end', () => {
    const layer = layerOf('10_a', { hints: { secrets: [{ name: 'token', line: 2 }] } });
    const secrets = valueIn(givenSecrets(['token=/dev/zero'], [layer], {}));
    assert.equal(failureIn(secrets.of(layer)).message, 'the file of secret token is larger than 512 KiB');
  });
});
