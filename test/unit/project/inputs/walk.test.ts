// The walk over a layer's inputs.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import type { IgnoreRules } from '../../../../src/project/inputs/ignore.ts';
import { inputRoots, walkInputs } from '../../../../src/project/inputs/walk.ts';
import { type Files, failureIn, layerOf, Tree, valueIn } from '../../../rig/tree.ts';

async function walk(files: Files, source = 'layer', label = '.') {
  using tree = new Tree(files);
  return await walkFrom(tree.path(source), label);
}

/** A walk where no .vlbignore stands above. */
function walkFrom(source: string, label: string) {
  return walkInputs({ source, label, rules: { directory: '/', text: '', above: undefined } });
}

/** `file ./a`, `link ./b`, `directory ./c`: what a walk found, sorted. */
async function found(files: Files, source?: string, label?: string): Promise<string[]> {
  return valueIn(await walk(files, source, label))
    .filter(({ type }) => type !== 'root')
    .map((input) => `${input.type} ${input.path}`)
    .sort();
}

test('the roots are the layer itself and its bind mounts', async () => {
  const bindMounts = [
    { source: '../shared', target: '/srv/shared' },
    { source: '/etc/hosts', target: '/etc/hosts.build' },
    { source: 'inner', target: '/inner' },
  ];
  assert.deepEqual(inputRoots(layerOf('20_app', { hints: { bindMounts } })), [
    { source: '/project/layers/20_app', label: '.' },
    { source: '/project/layers/shared', label: '/srv/shared' },
    { source: '/etc/hosts', label: '/etc/hosts.build' },
    { source: '/project/layers/20_app/inner', label: '/inner' },
  ]);
});

describe('a directory', () => {
  test('files, links and directories, empty ones and hidden ones too; parents before their children', async () => {
    const files: Files = {
      'layer/a': '1',
      'layer/.hidden': '2',
      'layer/sub/deep/file': '3',
      'layer/empty/': '',
      'layer/link': { link: 'sub' },
      'layer/dangling': { link: '/nowhere/at/all' },
    };
    assert.deepEqual(await found(files), [
      'directory ./empty',
      'directory ./sub',
      'directory ./sub/deep',
      'file ./.hidden',
      'file ./a',
      'file ./sub/deep/file',
      'link ./dangling',
      'link ./link',
    ]);
    const order = valueIn(await walk(files)).map(({ path }) => path);
    assert.ok(order.indexOf('./sub') < order.indexOf('./sub/deep'));
    assert.ok(order.indexOf('./sub/deep') < order.indexOf('./sub/deep/file'));
  });

  test('an empty one', async () => assert.deepEqual(await found({ 'layer/': '' }), []));

  test('under the name that the script sees', async () => {
    assert.deepEqual(await found({ 'layer/a': '', 'layer/b/': '' }, 'layer', '/srv/x'), [
      'directory /srv/x/b',
      'file /srv/x/a',
    ]);
  });

  test('a link to itself or to its parent is only a link', async () => {
    assert.deepEqual(await found({ 'layer/self': { link: 'self' }, 'layer/up': { link: '..' } }), [
      'link ./self',
      'link ./up',
    ]);
  });

  test('a root that is a link is followed', async () => {
    assert.deepEqual(await found({ 'real/a': '', layer: { link: 'real' } }), ['file ./a']);
  });
});

describe('a single file', () => {
  test('is there under the name of its target alone', async () => {
    assert.deepEqual(await found({ layer: 'x' }, 'layer', '/etc/one'), ['file /etc/one']);
  });

  test('that is a link is followed, as a mount would', async () => {
    const [input] = valueIn(await walk({ real: 'abc', layer: { link: 'real' } }, 'layer', '/etc/one'));
    assert.equal(input?.type, 'file');
    assert.equal(input?.type === 'file' && input.stat.size, 3, 'the stat of the file, not of the link');
  });
});

describe('what cannot be an input', () => {
  test('a missing source', async () => {
    const failure = failureIn(await walkFrom('/nonexistent/x', '/x'));
    assert.equal(failure.kind, 'usage');
    assert.match(failure.message, /does not exist/);
    assert.equal(failure.where?.file, '/nonexistent/x');
  });

  test('a dangling link as a source', async () => {
    assert.match(failureIn(await walk({ layer: { link: 'nowhere' } })).message, /does not exist/);
  });

  test('a FIFO, deep inside or as the source itself', async () => {
    using tree = new Tree({ 'layer/sub/': '' });
    execFileSync('mkfifo', [tree.path('layer/sub/pipe')]);
    for (const source of ['layer', 'layer/sub/pipe']) {
      const failure = failureIn(await walkFrom(tree.path(source), '.'));
      assert.equal(failure.kind, 'usage');
      assert.match(failure.message, /FIFO/);
      assert.equal(failure.where?.file, tree.path('layer/sub/pipe'));
    }
  });

  test('a device', async () => {
    assert.match(failureIn(await walkFrom('/dev/null', '/x')).message, /device/);
  });

  test('a name that is no UTF-8', async () => {
    using tree = new Tree({ 'layer/': '' });
    writeFileSync(Buffer.concat([Buffer.from(tree.path('layer/')), Buffer.from([0x61, 0xff])]), '');
    assert.match(failureIn(await walkFrom(tree.path('layer'), '.')).message, /not valid UTF-8/);
  });

  test('a path that is too long to be opened', async () => {
    using tree = new Tree({ 'layer/': '' });
    // The kernel takes 4096 bytes at once: the tree is made from the inside.
    execFileSync(
      'sh',
      ['-euc', 'for n in $(seq 20); do d=$(printf %0250d "$n"); mkdir "$d"; cd -P "$d"; done'],
      {
        cwd: tree.path('layer'),
      },
    );
    assert.match(
      failureIn(await walkFrom(tree.path('layer'), '.')).message,
      /cannot be read \(ENAMETOOLONG\)/,
    );
    execFileSync('rm', ['-r', tree.path('layer')]);
  });

  test('a link whose target is no UTF-8: two such targets would look the same', async () => {
    using tree = new Tree();
    mkdirSync(tree.path('layer'));
    symlinkSync(Buffer.from([0x61, 0xff]), tree.path('layer/link'));
    assert.equal(failureIn(await walkFrom(tree.path('layer'), '.')).where?.file, tree.path('layer/link'));
  });
});

test('any name of UTF-8 can be one, of up to 255 bytes', async () => {
  const names = [
    ' ',
    'a b',
    'new\nline',
    '-rf',
    '\\',
    '"',
    '\ufffd',
    'e\u0301',
    'é',
    '\u202etxt.exe',
    '日'.repeat(85),
    '\x01',
  ];
  const files = Object.fromEntries(names.map((name) => [`layer/${name}`, 'x']));
  assert.deepEqual(await found({ ...files, 'layer/link': { link: '\ufffd' } }), [
    ...names.map((name) => `file ./${name}`).sort(),
    'link ./link',
  ]);
});

describe('a directory that becomes a link to another while it is walked is not followed', () => {
  /** Rules that are told of each name before it is looked into, which is when `swap` is called. */
  function rulesThat(swap: () => void): IgnoreRules {
    let asked = 0;
    return {
      directory: '/',
      text: '',
      get above() {
        // First when the rules are made ready, then for each name.
        if (asked++ === 1) swap();
        return undefined;
      },
    };
  }

  for (const [what, target] of [
    ['elsewhere', 'outside'],
    ['to what it was', 'gone'],
  ] as const) {
    test(what, async () => {
      using tree = new Tree({ 'layer/deep/dir/file': 'mine', 'outside/file': 'secret' });
      const swap = () => {
        renameSync(tree.path('layer/deep'), tree.path('gone'));
        symlinkSync(tree.path(target), tree.path('layer/deep'));
      };
      const failure = failureIn(
        await walkInputs({ source: tree.path('layer'), label: '.', rules: rulesThat(swap) }),
      );
      assert.equal(failure.message, 'this input changed while vlb was reading it');
      assert.equal(failure.where?.file, tree.path('layer/deep'));
    });
  }
});
