// What patterns match in the files of a layer, and what a step that reads them sees.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InputTree } from '../../../../src/kinds/steps/input-tree.ts';

function manifest(hash = '0'): string {
  return [
    'directory "./conf"',
    `file - ${hash} "./conf/.hidden"`,
    'file - 1 "./conf/a.conf"',
    'directory "./conf/d"',
    'file - 2 "./conf/d/b.conf"',
    'file - 3 "./key[1].pub"',
    'link "conf/d" "./latest"',
    'link "/etc/passwd" "./outside"',
    'file - 4 "./other"',
    'file - 5 "/mounted/file"',
    '',
  ].join('\n');
}

const TREE = new InputTree(manifest());

function matched(...patterns: string[]): readonly string[] {
  return TREE.match(patterns).map(({ path }) => path);
}

test('patterns match files with their directories, sorted and once', () => {
  assert.deepEqual(matched('conf/**/*.conf'), ['conf/a.conf', 'conf/d/b.conf']);
  assert.deepEqual(matched('conf', 'conf/a.conf'), ['conf']);
  assert.deepEqual(matched('./conf/'), ['conf']);
  assert.deepEqual(matched('**'), ['conf', 'key[1].pub', 'latest', 'other', 'outside']);
  assert.deepEqual(matched('conf/*', '!conf/d'), ['conf/.hidden', 'conf/a.conf']);
  assert.deepEqual(TREE.match(['latest']), [{ path: 'latest', type: 'symlink' }]);
  assert.deepEqual(matched('none', '../x', '/etc/passwd'), []);
});

test('a name is found as it is, whatever it would mean as a pattern', () => {
  assert.deepEqual(matched('key[1].pub'), ['key[1].pub']);
});

test('links are followed inside the layer, and nowhere else', () => {
  assert.deepEqual(TREE.resolve('latest/b.conf'), { path: 'conf/d/b.conf', type: 'file' });
  assert.deepEqual(TREE.resolve('latest/../a.conf'), { path: 'conf/a.conf', type: 'file' });
  assert.equal(TREE.resolve('outside'), undefined);
  assert.equal(TREE.resolve('../20_web/other'), undefined);
});

test('a step sees what it reads, what is below, and what links lead to', () => {
  assert(TREE.sees(['conf'], './conf/.hidden'));
  assert(TREE.sees(['latest'], './conf/d/b.conf'));
  assert(TREE.sees(['latest/b.conf'], './latest'));
  assert(TREE.sees(['key[1].pub'], './key[1].pub'));
  assert(!TREE.sees(['conf/*.conf'], './other'));
  assert(TREE.sees('all', './other'));
  assert(TREE.sees([], '/mounted/file'));
});

test('the digest changes with what a step sees, and with nothing else', () => {
  const edited = new InputTree(manifest('f'));
  assert.notEqual(TREE.digest(['conf']), edited.digest(['conf']));
  assert.notEqual(TREE.digest('all'), edited.digest('all'));
  assert.equal(TREE.digest(['conf/*.conf']), edited.digest(['conf/*.conf']));
  assert.equal(TREE.digest(['latest']), edited.digest(['latest']));
});

test('wildcards match names with line breaks', () => {
  const names = ['\nfirst', 'in\nside', '\r', '\u2028x'];
  const tree = new InputTree(names.map((name) => `file - 1 ${JSON.stringify(`./${name}`)}\n`).join(''));
  assert.deepEqual(
    tree.match(['*']).map(({ path }) => path),
    names.toSorted(),
  );
  assert.deepEqual(
    tree.match(['in*side', '\nf*']).map(({ path }) => path),
    ['\nfirst', 'in\nside'],
  );
});
