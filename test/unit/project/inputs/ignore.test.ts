// .vlbignore: what it names is neither hashed nor staged.

import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { lstatSync, utimesSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { BindMount } from '../../../../src/model/project.ts';
import { lazyFileHasher } from '../../../../src/project/inputs/hash.ts';
import { rulesIn } from '../../../../src/project/inputs/ignore.ts';
import { createManifestReader } from '../../../../src/project/inputs/manifest.ts';
import { StatIndex } from '../../../../src/project/inputs/stat-index.ts';
import { walkInputs } from '../../../../src/project/inputs/walk.ts';
import { attempt } from '../../../../src/util/errors.ts';
import { type Files, failureIn, layerOf, Tree, valueIn } from '../../../rig/tree.ts';

const loadHasher = lazyFileHasher();

async function read(tree: Tree, bindMounts: readonly BindMount[] = []) {
  const layer = layerOf('10_a', { directory: tree.path('layers/10_a'), hints: { bindMounts } });
  const index = StatIndex.load(tree.path('.vlb/stat-index'));
  const result = await createManifestReader(tree.directory, index, loadHasher).read(layer);
  index.save(true);
  return result;
}

/** The paths in the manifest of layers/10_a, read twice: the second time from the index. */
async function paths(tree: Tree, bindMounts?: readonly BindMount[]): Promise<string[]> {
  const first = valueIn(await read(tree, bindMounts));
  assert.equal(valueIn(await read(tree, bindMounts)), first);
  return [...first.matchAll(/"([^"]*)"$/gm)].map(([, name = '']) => name);
}

async function pathsOf(files: Files, bindMounts?: readonly BindMount[]): Promise<string[]> {
  using tree = new Tree(files);
  return await paths(tree, bindMounts);
}

test('what editors drop is no input', async () => {
  const names = ['a~', '.a.swp', '.a.swo', '#a#', '.#a', '.a.kate-swp', '.DS_Store', 'a___jb_tmp___'];
  const droppings = Object.fromEntries(names.map((name) => [`layers/10_a/sub/${name}`, 'x']));
  assert.deepEqual(await pathsOf({ ...droppings, 'layers/10_a/sub/a': 'x', 'layers/10_a/.a': '' }), [
    './.a',
    './sub',
    './sub/a',
  ]);
});

test('what version control keeps for itself is no input, at any depth, unless a rule or a hint asks for it', async () => {
  const checkout: Files = {
    'layers/10_a/src/.git/HEAD': 'x',
    'layers/10_a/src/.gitignore': '',
    'layers/10_a/src/sub/.git': 'gitdir: ../../../.git/modules/sub\n',
    'layers/10_a/src/sub/.gitmodules': '',
    'layers/10_a/.hg/store': '',
    'layers/10_a/a/.svn/entries': '',
    'layers/10_a/x.git': '',
    'layers/10_a/git': '',
  };
  const others = [
    './a',
    './git',
    './src',
    './src/.gitignore',
    './src/sub',
    './src/sub/.gitmodules',
    './x.git',
  ];
  assert.deepEqual(await pathsOf(checkout), others);
  const asked = await pathsOf({ ...checkout, 'layers/10_a/.vlbignore': '!.git\n' });
  assert.deepEqual(asked, [...others, './src/.git', './src/.git/HEAD', './src/sub/.git'].sort());
  const one = await pathsOf({ ...checkout, '.vlbignore': '!/layers/10_a/src/.git/\n' });
  assert.deepEqual(one, [...others, './src/.git', './src/.git/HEAD'].sort());
  const named = await pathsOf({ 'layers/10_a/a': '', '.git/HEAD': 'x' }, [
    { source: '../../.git', target: '/src/.git' },
  ]);
  assert.deepEqual(named, ['./a', '/src/.git/HEAD']);
});

describe('a .vlbignore', () => {
  const files: Files = {
    'layers/10_a/a.o': '',
    'layers/10_a/a.c': '',
    'layers/10_a/sub/b.o': '',
    'layers/10_a/sub/deep/c.o': '',
    'layers/10_a/tmp/x': '',
  };

  test('in the layer holds below it, and is no input itself', async () => {
    const found = await pathsOf({ ...files, 'layers/10_a/.vlbignore': '*.o\n/tmp/\n' });
    assert.deepEqual(found, ['./a.c', './sub', './sub/deep']);
  });

  test('in the project, and in layers/, holds for every layer', async () => {
    const one = await pathsOf({ ...files, '.vlbignore': '*.o\nlayers/*/tmp\n' });
    const two = await pathsOf({ ...files, 'layers/.vlbignore': '*.o\n/10_a/tmp\n' });
    assert.deepEqual(one, ['./a.c', './sub', './sub/deep']);
    assert.deepEqual(two, one);
  });

  test('nearer by decides, and an exception is one', async () => {
    const found = await pathsOf({
      ...files,
      'layers/10_a/keep~': '',
      '.vlbignore': '*.o\ntmp\n!keep~\n',
      'layers/10_a/sub/.vlbignore': '!b.o\n# a remark\n',
      'layers/10_a/sub/deep/.vlbignore': '!c.o\n',
    });
    assert.deepEqual(found, ['./a.c', './keep~', './sub', './sub/b.o', './sub/deep', './sub/deep/c.o']);
  });

  test('holds for bind mounts: those of the project by its rules, others by their own', async () => {
    using other = new Tree({ 'x.o': '', 'x.c': '', 'y.c': '', '.vlbignore': 'y.*' });
    const found = await pathsOf(
      { 'layers/10_a/a': '', 'shared/x.o': '', 'shared/x.c': '', '.vlbignore': '*.o' },
      [
        { source: '../../shared', target: '/s' },
        { source: other.directory, target: '/t' },
      ],
    );
    assert.deepEqual(found, ['./a', '/s/x.c', '/t/x.c', '/t/x.o']);
  });

  test('that names the script is an error', async () => {
    using tree = new Tree({ 'layers/10_a/build-layer': '', '.vlbignore': '*layer\n' });
    const failure = failureIn(await read(tree));
    assert.equal(failure.message, '.vlbignore excludes the script of layer 10_a');
    assert.equal(failure.hint, 'add an exception to it: !build-layer');
  });

  test('that changes is seen, with the size and the time that it had', async () => {
    for (const where of ['.vlbignore', 'layers/10_a/.vlbignore', 'layers/10_a/sub/.vlbignore']) {
      using tree = new Tree({ ...files, [where]: '*.o' });
      const hidden = await paths(tree);
      assert.ok(!hidden.includes('./sub/b.o'), where);
      const { mtime } = lstatSync(tree.path(where));
      writeFileSync(tree.path(where), '*.p');
      utimesSync(tree.path(where), mtime, mtime);
      assert.ok((await paths(tree)).includes('./sub/b.o'), where);
    }
  });

  test('lets what is no input lie in a layer', async () => {
    using tree = new Tree({ 'layers/10_a/a': '' });
    execFileSync('mkfifo', [tree.path('layers/10_a/pipe')]);
    const failure = failureIn(await read(tree));
    assert.match(failure.hint ?? '', /add it to .vlbignore/);
    tree.write({ '.vlbignore': 'pipe\n' });
    assert.deepEqual(await paths(tree), ['./a']);
  });
});

test('case counts, as for git', async () => {
  const files = { 'layers/10_a/README': '', 'layers/10_a/APP.LOG': '', 'layers/10_a/app.log': '' };
  const found = await pathsOf({ ...files, 'layers/10_a/.vlbignore': 'readme\n*.log\n' });
  assert.deepEqual(found, ['./APP.LOG', './README']);
});

describe('on any tree, the files are those that git finds', () => {
  const NAMES = [
    'a',
    'A',
    'b',
    'ab',
    'a.log',
    'A.LOG',
    'README',
    'x y',
    'a ',
    '!a',
    '#b',
    'a[b]',
    'a\\b',
    '*',
    'é',
    'É',
    'à',
  ];
  const PIECES = [
    'a',
    'A',
    'b',
    'README',
    '.log',
    '*',
    '**',
    '?',
    '[ab]',
    '[!a]',
    '[A-Z]',
    '[[:upper:]]',
    '[]-]',
    '[é]',
  ].concat([
    '/',
    '/',
    '**/',
    '/**',
    '\\a',
    '\\*',
    '\\ ',
    ' ',
    '\\!',
    '#',
    '!',
    '\\',
    '[',
    'é',
    'à',
    '$',
    '(',
    '{a,b}',
  ]);
  const name = fc.constantFrom(...NAMES);
  const pattern = fc
    .tuple(
      fc.constantFrom('', '', '!', '/', '!/', '\ufeff'),
      fc.oneof(
        name,
        fc.array(fc.constantFrom(...PIECES), { minLength: 1, maxLength: 4 }).map((all) => all.join('')),
      ),
      fc.constantFrom('', '', '/', ' ', '  ', '\\ ', '\t'),
    )
    .map((parts) => parts.join(''));
  const text = fc
    .tuple(fc.array(pattern, { minLength: 1, maxLength: 4 }), fc.constantFrom('\n', '\r\n'), fc.boolean())
    .map(([lines, end, isEnded]) => lines.join(end) + (isEnded ? end : ''));
  const place = fc.array(name, { maxLength: 3 }).map((names) => [...names, ''].join('/'));
  const tree = fc.record({
    files: fc.array(fc.tuple(place, name), { minLength: 1, maxLength: 12 }),
    rules: fc.array(fc.tuple(place, text), { minLength: 1, maxLength: 3 }),
  });

  test('with the same .vlbignore files', async () => {
    using all = new Tree();
    const trees = fc.sample(tree, { seed: 20261126, numRuns: 80 });
    for (const [index, { files, rules }] of trees.entries()) {
      const written = [
        ...files.map(([directory, file]) => [`${directory}${file}`, ''] as const),
        ...rules.map(([directory, rule], at) => [`${at === 0 ? '' : directory}.vlbignore`, rule] as const),
      ];
      // A name may be that of a directory already, or the other way round.
      for (const [file, content] of written) attempt(() => all.write({ [`${index}/${file}`]: content }));
    }
    execFileSync('git', ['init', '--quiet', all.directory]);
    const listed = execFileSync(
      'git',
      ['-c', 'core.ignorecase=false', 'ls-files', '-z', '--others', '--exclude-per-directory=.vlbignore'],
      { cwd: all.directory, encoding: 'utf8' },
    );
    const expected = listed.split('\0').filter((file) => file !== '' && !file.endsWith('.vlbignore'));
    const found: string[] = [];
    for (const index of trees.keys()) {
      const root = all.path(String(index));
      const rules = valueIn(rulesIn(root, root, new Map()));
      const entries = valueIn(await walkInputs({ source: root, label: String(index), rules }));
      found.push(...entries.filter(({ type }) => type === 'file').map((entry) => entry.path));
    }
    assert.ok(expected.length > 100);
    assert.deepEqual(found.toSorted(), expected.toSorted());
  });
});
