// Finding the layers of a project.

import assert from 'node:assert/strict';
import { mkdirSync } from 'node:fs';
import { describe, test } from 'node:test';
import { loadConfig } from '../../../../src/project/config/config.ts';
import { rulesIn } from '../../../../src/project/inputs/ignore.ts';
import { discoverLayers, layersDirectory } from '../../../../src/project/layers/discover.ts';
import { type Content, type Files, failureIn, PLATFORM, Tree, valueIn } from '../../../rig/tree.ts';

const SCRIPT = '#!/bin/sh\n';

async function discover(files: Files) {
  using tree = new Tree(files);
  return { tree, result: await discoverLayers(tree.directory, PLATFORM) };
}

/** What is wrong with a project of one layer, 10_a, with these files. */
async function complaint(files: Files) {
  const inLayer = Object.fromEntries(
    Object.entries(files).map(([name, content]) => [`layers/10_a/${name}`, content]),
  );
  const { tree, result } = await discover(inLayer);
  const failure = failureIn(result);
  assert.equal(failure.kind, 'usage');
  const { file = '', line } = failure.where ?? {};
  return {
    ...failure,
    at: `${file.replace(`${tree.directory}/layers/10_a`, '')}${line === undefined ? '' : `:${line}`}`,
  };
}

async function names(files: Files): Promise<string[]> {
  return valueIn((await discover(files)).result).map(({ name }) => name);
}

describe('where layers are', () => {
  test('in layers/', async () => {
    const { tree, result } = await discover({
      'layers/10_base/modify-disk': `${SCRIPT}# vlb: from scratch\n`,
      'layers/20_app/build-layer': SCRIPT,
      'layers/README': '',
    });
    const [base, app] = valueIn(result);
    assert.equal(base?.directory, tree.path('layers/10_base'));
    assert.equal(base?.kind, 'modify-disk');
    assert.equal(base?.hints.from, 'scratch');
    assert.equal(app?.kind, 'build-layer');
    assert.equal(layersDirectory(tree.directory), tree.path('layers'));
  });

  test('at the root, in older projects', async () => {
    using tree = new Tree({ '10_base/modify-disk': SCRIPT, 'layers/': '', '10_notes.txt': 'no layer' });
    const [base, ...others] = valueIn(await discoverLayers(tree.directory, PLATFORM));
    assert.equal(base?.directory, tree.path('10_base'));
    assert.deepEqual(others, []);
    assert.equal(layersDirectory(tree.directory), tree.directory);
  });

  test('in both is an error that names one of each', async () => {
    const { result } = await discover({ '10_a/build-layer': SCRIPT, 'layers/20_b/build-layer': SCRIPT });
    const { message, hint } = failureIn(result);
    assert.match(message, /20_b.*10_a/);
    assert.match(hint ?? '', /layers\//);
  });

  test('nowhere is an error with a way out', async () => {
    for (const files of [{}, { 'layers/': '' }, { 'layers/app/build-layer': SCRIPT }, { layers: 'a file' }]) {
      assert.match(failureIn((await discover(files)).result).hint ?? '', /vlb new-layer/);
    }
  });

  test('a link to a directory is a layer', async () => {
    assert.deepEqual(
      await names({ 'elsewhere/build-layer': SCRIPT, 'layers/10_a': { link: '../elsewhere' } }),
      ['10_a'],
    );
  });

  test('a broken link beside the layers hides none of them', async () => {
    const layer = { 'layers/10_a/build-layer': SCRIPT };
    assert.deepEqual(await names({ ...layer, 'layers/20_b': { link: 'nowhere' } }), ['10_a']);
    assert.deepEqual(
      await names({ ...layer, 'layers/20_b': { link: '20_b' } }),
      ['10_a'],
      'a link to itself',
    );
  });
});

test('a name that is not UTF-8 is refused, and not skipped', async () => {
  using tree = new Tree({ 'layers/10_a/build-layer': SCRIPT });
  mkdirSync(Buffer.from(`${tree.directory}/layers/20_\xff`, 'latin1'));
  assert.equal(
    failureIn(await discoverLayers(tree.directory, PLATFORM)).message,
    'the name "20_\ufffd" is not valid UTF-8',
  );
});

test('a link that layers/ is to nothing is named', async () => {
  using tree = new Tree({ layers: { link: 'gone' } });
  const { message } = failureIn(await discoverLayers(tree.directory, PLATFORM));
  assert.equal(message, 'the symbolic link layers leads to nothing: gone');
});

test('layers are sorted by number, then by name', async () => {
  const wanted = ['02_z', '10_a', '10_b', '20_x', '100_a', '0200_a'];
  assert.deepEqual(
    await names(
      Object.fromEntries([...wanted].reverse().map((name) => [`layers/${name}/build-layer`, SCRIPT])),
    ),
    wanted,
  );
});

describe('names', () => {
  test('letters, digits, dots, dashes and underscores', async () => {
    assert.deepEqual(await names({ 'layers/10_App-2.1_x/build-layer': SCRIPT }), ['10_App-2.1_x']);
  });

  for (const name of ['10_', '10_a b', '10_ä', '10_-a', '10_.a', '10_a\nb', '10__a', '10_a:b']) {
    test(`${JSON.stringify(name)} is no name`, async () => {
      const { tree, result } = await discover({ [`layers/${name}/build-layer`]: SCRIPT });
      const failure = failureIn(result);
      assert.match(failure.message, /is not a valid layer name/);
      assert.equal(failure.where?.file, tree.path('layers', name));
    });
  }
});

describe('scripts', () => {
  test('none', async () => {
    const { message, at } = await complaint({ 'build-layer.sh': SCRIPT });
    assert.match(message, /10_a has no script/);
    assert.equal(at, '');
  });

  test('both', async () => {
    assert.match((await complaint({ 'build-layer': SCRIPT, 'modify-disk': SCRIPT })).message, /has both/);
  });

  test('a directory named like one', async () => {
    const { message, at } = await complaint({ 'build-layer/': '' });
    assert.match(message, /is not a file/);
    assert.equal(at, '/build-layer');
  });

  const refused: readonly (readonly [string, Content, RegExp, string])[] = [
    ['not executable', { content: SCRIPT, mode: 0o644 }, /is not executable/, '/build-layer'],
    [
      'executable, but not for its owner',
      { content: SCRIPT, mode: 0o611 },
      /is not executable/,
      '/build-layer',
    ],
    ['with Windows line endings', '#!/bin/sh\r\nexit\r\n', /Windows line endings/, '/build-layer:1'],
    ['without #!', 'echo hello\n', /has no interpreter line/, '/build-layer:1'],
    ['empty', '', /has no interpreter line/, '/build-layer:1'],
    ['with a bad hint', '#!/bin/sh\n\n# vlb: tiemout 5s\n', /"tiemout"/, '/build-layer:3'],
    ['a link to itself', { link: 'build-layer' }, /script/, '/build-layer'],
  ];
  for (const [what, content, message, where] of refused) {
    test(what, async () => {
      const failure = await complaint({ 'build-layer': content });
      assert.match(failure.message, message);
      assert.equal(failure.at, where);
    });
  }

  test('a broken link', async () =>
    assert.match((await complaint({ 'build-layer': { link: 'nowhere' } })).message, /script/));

  test('a link inside the layer is as good as a file', async () => {
    const files = {
      'layers/10_a/run.sh': { content: SCRIPT, mode: 0o755 },
      'layers/10_a/build-layer': { link: 'run.sh' },
    };
    assert.deepEqual(await names(files), ['10_a']);
  });

  test('a link out of the layer is refused: what it leads to is no input, so an edit of it would go unseen', async () => {
    using tree = new Tree({
      'common/build-layer': SCRIPT,
      'layers/10_a/build-layer': { link: '../../common/build-layer' },
    });
    assert.equal(
      failureIn(await discoverLayers(tree.directory, PLATFORM)).where?.file,
      tree.path('layers/10_a/build-layer'),
    );
  });

  test('a program needs no first line', async () => {
    assert.deepEqual(await names({ 'layers/10_a/build-layer': '\x7fELF\x02\x01' }), ['10_a']);
  });
});

test('a project directory that is none has no layers', async () => {
  using tree = new Tree();
  mkdirSync(tree.path('empty'));
  assert.match(failureIn(await discoverLayers(tree.path('missing'), PLATFORM)).message, /^no layers found$/);
  assert.match(failureIn(await discoverLayers(tree.path('empty'), PLATFORM)).message, /^no layers found$/);
});

test('a script, vlb.yaml or .vlbignore in another encoding is named with its encoding and the cure', async () => {
  const text = `${SCRIPT}echo x\n`;
  for (const [encoding, bytes] of [
    ['is in UTF-16', Buffer.from(`\ufeff${text}`, 'utf16le')],
    ['is in UTF-16', Buffer.from(`\ufeff${text}`, 'utf16le').swap16()],
    ['is in UTF-16LE', Buffer.from(text, 'utf16le')],
    ['is in UTF-16BE', Buffer.from(text, 'utf16le').swap16()],
    ['begins with a byte order mark (BOM)', Buffer.from(`\ufeff${text}`)],
  ] as const) {
    for (const kind of ['build-layer', 'modify-disk']) {
      const { message, hint = '', at } = await complaint({ [kind]: bytes });
      assert.equal(message, `the script of layer 10_a ${encoding}`);
      assert.equal(at, `/${kind}:1`);
      assert.match(
        hint,
        encoding.startsWith('begins') ? /^save it .*: sed -i / : /^save it .*: iconv -f UTF-16/,
      );
    }
  }
  using tree = new Tree({ 'vlb.yaml': Buffer.from('\ufeffbase: a\n', 'utf16le') });
  assert.equal(failureIn(await loadConfig(tree.directory)).message, 'vlb.yaml is in UTF-16');
  const known = new Map();
  using ignoring = new Tree({
    '.vlbignore': Buffer.from('*.o\n', 'utf16le'),
    'b/.vlbignore': '\ufeff*.o\r\n',
  });
  assert.match(
    failureIn(rulesIn(ignoring.directory, ignoring.directory, known)).message,
    /^\.vlbignore is in UTF-16LE$/,
  );
  valueIn(rulesIn(ignoring.path('b'), ignoring.path('b'), known));
});
