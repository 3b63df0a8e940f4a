// `include:` of vlb.yaml: what several files say together, and where an error in one of them is.

import assert from 'node:assert/strict';
import { symlinkSync } from 'node:fs';
import { test } from 'node:test';
import { configFiles, loadConfig } from '../../../../src/project/config/config.ts';
import { type Files, failureIn, Tree, valueIn } from '../../../rig/tree.ts';

const WEB = 'machines:\n  web: { disks: [{ image: 20_app }] }\n';

/** The failure, whose place has to be this one: `a.yaml:2`. */
async function complaint(files: Files, place: string) {
  using tree = new Tree(files);
  const failure = failureIn(await loadConfig(tree.directory));
  assert.equal(failure.kind, 'usage');
  const { file = '', line } = failure.where ?? {};
  assert.equal(`${file.slice(tree.directory.length + 1)}:${line}`, place, failure.message);
  return failure;
}

test('mappings of several files are put together, with their places', async () => {
  using tree = new Tree({
    'vlb.yaml': 'include: [more/a.yaml, empty.yaml]\nimages: { one: 10_a }\ncache: { max-age: 1d }\n',
    'more/a.yaml': `include: [b.yaml]\n${WEB}images:\n  two: 20_b\nbase: images/debian.qcow2\n`,
    'more/b.yaml': '# nothing but an image and a limit\nimages: { three: 30_c }\ncache: { max-size: 1G }\n',
    'empty.yaml': '',
  });
  const config = valueIn(await loadConfig(tree.directory));
  assert.deepEqual(
    config.images?.map(({ name, layer, where }) => [name, layer, where.file, where.line]),
    [
      ['one', '10_a', tree.path('vlb.yaml'), 2],
      ['two', '20_b', tree.path('more/a.yaml'), 5],
      ['three', '30_c', tree.path('more/b.yaml'), 2],
    ],
  );
  assert.deepEqual(
    config.machines?.map(({ machine, where }) => [machine.name, where]),
    [['web', { file: tree.path('more/a.yaml'), line: 3 }]],
  );
  // Paths are relative to the project, wherever they are written.
  assert.deepEqual(config.base, { type: 'file', path: tree.path('images/debian.qcow2') });
  assert.deepEqual(config.cache, { maxBytes: 2 ** 30, maxAge: 86_400 });
  const files = ['more/a.yaml', 'more/b.yaml', 'empty.yaml'].map((name) => tree.path(name));
  assert.deepEqual(config.included, files);
  assert.deepEqual(await configFiles(tree.directory), [tree.path('vlb.yaml'), ...files]);
});

test('a file that several include is read once, by whatever path', async () => {
  using tree = new Tree({
    'vlb.yaml': 'include: [a.yaml, b.yaml, c.yaml, link.yaml]\n',
    'a.yaml': 'include: [c.yaml]\n',
    'b.yaml': 'include: [./c.yaml]\n',
    'c.yaml': 'images: { web: 10_a }\n',
  });
  symlinkSync('c.yaml', tree.path('link.yaml'));
  assert.equal(valueIn(await loadConfig(tree.directory)).images?.length, 1);
});

test('a link in the project may lead out of it', async () => {
  using tree = new Tree({ 'p/vlb.yaml': 'include: [common/a.yaml]\n', 'common/a.yaml': 'base: x\n' });
  symlinkSync('../common', tree.path('p/common'));
  assert.deepEqual(valueIn(await loadConfig(tree.path('p'))).base, { type: 'file', path: tree.path('p/x') });
});

test('what two files set is refused, with both places', async () => {
  const twice = await complaint(
    {
      'vlb.yaml': 'include: [a.yaml]\nimages:\n  web: 10_a\n',
      'a.yaml': '\nimages:\n  db: x\n  web: 20_b\n',
    },
    'a.yaml:4',
  );
  assert.equal(twice.message, 'a.yaml: images.web is set in vlb.yaml:3 as well');
  const base = await complaint(
    { 'vlb.yaml': 'include: [d/a.yaml, b.yaml]\n', 'd/a.yaml': 'base: x\n', 'b.yaml': '\nbase: y\n' },
    'b.yaml:2',
  );
  assert.equal(base.message, 'b.yaml: base is set in d/a.yaml:1 as well');
  const parts = { 'vlb.yaml': 'include: [a.yaml]\nbase: { path: x }\n' };
  await complaint({ ...parts, 'a.yaml': 'base: y\n' }, 'a.yaml:1');
  await complaint({ ...parts, 'a.yaml': 'base: { path: y }\n' }, 'a.yaml:1');
});

test('an error has the file and line where it was written', async () => {
  const main = 'include: [d/a.yaml]\nimages: { web: 10_a }\n';
  for (const [text, line, message] of [
    ['images:\n  db: [x]\n', 2, /^d\/a\.yaml: images\.db must be the name of a layer/],
    ['\nimags: { db: x }\n', 2, /^d\/a\.yaml: unknown field "imags"/],
    ['\nimages: { constructor: x }\n', 2, /^d\/a\.yaml: images\.constructor is a reserved name/],
    ['# x\n- a\n', 1, /^d\/a\.yaml: must be a mapping/],
    ['a: [\n', 2, /^d\/a\.yaml: /],
    ['cache:\n  max-size: big\n', 2, /^d\/a\.yaml: cache\.max-size must be a size/],
    ['__proto__: { x: y }\n', 1, /unknown field "__proto__"/],
    ['include: b.yaml\n', 1, /^d\/a\.yaml: include must be a list of files/],
  ] as const) {
    const failure = await complaint({ 'vlb.yaml': main, 'd/a.yaml': text }, `d/a.yaml:${line}`);
    assert.match(failure.message, message);
  }
  const utf16 = { content: Buffer.from('\ufeffbase: x\n', 'utf16le'), mode: 0o644 };
  const encoded = await complaint({ 'vlb.yaml': main, 'd/a.yaml': utf16 }, 'd/a.yaml:1');
  assert.equal(encoded.message, 'd/a.yaml is in UTF-16');
});

test('what cannot be included is refused where it is named', async () => {
  for (const [wanted, message] of [
    ['missing.yaml', /^missing\.yaml does not exist$/],
    ['d', /^d is not a file$/],
    ['../x.yaml', /"\.\.\/x\.yaml" is not a path of a file in the project/],
    ['/etc/passwd', /"\/etc\/passwd" is not a path of a file in the project/],
    ['""', /"" is not a path of a file in the project/],
    ['.', /is not a path of a file in the project/],
    ['vlb.yaml', /files include each other in a cycle: vlb\.yaml → vlb\.yaml$/],
  ] as const) {
    const failure = await complaint(
      { 'vlb.yaml': `base: x\ninclude:\n  - ${wanted}\n`, 'd/x': '' },
      'vlb.yaml:3',
    );
    assert.match(failure.message, message);
  }
  for (const list of ['a.yaml', '[[a]]', '', '{ a: b }', '[true]']) {
    const { message } = await complaint({ 'vlb.yaml': `base: x\ninclude: ${list}\n` }, 'vlb.yaml:2');
    assert.equal(message, 'vlb.yaml: include must be a list of files, like [machines.yaml]');
  }
});

test('a cycle is shown as a whole', async () => {
  const { message } = await complaint(
    {
      'vlb.yaml': 'include: [a.yaml]\n',
      'a.yaml': 'include: [d/b.yaml]\n',
      'd/b.yaml': '\ninclude: [../a.yaml]\n',
    },
    'd/b.yaml:2',
  );
  assert.match(
    message,
    /^d\/b\.yaml: include: files include each other in a cycle: a\.yaml → d\/b\.yaml → a\.yaml$/,
  );
});

test('the files are known where one of them is missing', async () => {
  using tree = new Tree({ 'vlb.yaml': 'include: [a.yaml, b.yaml]\n', 'a.yaml': 'base: x\n' });
  assert.deepEqual(
    await configFiles(tree.directory),
    ['vlb.yaml', 'a.yaml', 'b.yaml'].map((name) => tree.path(name)),
  );
});
