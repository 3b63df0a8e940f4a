// What --to of vlb publish means.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseDestination } from '../../../../src/execute/publish/destination.ts';
import { failureIn, Tree, valueIn } from '../../../rig/tree.ts';

test('a path is a directory', () => {
  for (const to of [
    'templates',
    '/srv/templates',
    './a.b/c',
    '../localhost/x',
    'team/web:1.0',
    'web:1.0',
    '.',
  ]) {
    const parsed = valueIn(parseDestination(to, '/ann'));
    assert.equal(parsed.type, 'directory', to);
  }
  assert.deepEqual(valueIn(parseDestination('../x', '/ann/a')), { type: 'directory', directory: '/ann/x' });
});

test('what begins with the name of a registry, or with docker://, is an image', () => {
  const images = [
    ...[
      'registry.example.org/web',
      'registry.example.org/team/web:1.0',
      'localhost/web',
      'localhost:5000/web:1.0',
    ],
    ...['host:5000/a/b_c/d-e.f', '127.0.0.1:5000/web', '[::1]:5000/web'],
  ];
  for (const image of images) {
    const expected = { type: 'registry', image, hasTag: /:[^/]*$/.test(image) };
    assert.deepEqual(valueIn(parseDestination(image, '/ann')), expected);
    assert.deepEqual(valueIn(parseDestination(`docker://${image}`, '/ann')), expected);
  }
  const own = valueIn(parseDestination('docker://team/web', '/ann'));
  assert.deepEqual(own, { type: 'registry', image: 'team/web', hasTag: false });
});

test('wrong names, passwords, and what can be both are refused', () => {
  const wrong = [
    'docker://',
    'r.org/Web',
    'r.org/',
    'r.org/web:',
    'r.org/web:a b',
    'r.org/-x',
    'r.org/../x',
    'r.org//x',
  ];
  for (const to of wrong) {
    assert.match(failureIn(parseDestination(to, '/ann')).message, /not a valid name of an image/, to);
  }
  assert.match(failureIn(parseDestination('docker://me:pw@r.org/web', '/ann')).message, /user or a password/);
  assert.match(failureIn(parseDestination('', '/ann')).message, /requires/);
  using tree = new Tree({ 'r.org/web/': '' });
  const { message, hint } = failureIn(parseDestination('r.org/web', tree.path('.')));
  assert.match(message, /can be a directory, or an image/);
  assert.equal(hint, 'write ./r.org/web or docker://r.org/web');
  assert.equal(valueIn(parseDestination('./r.org/web', tree.path('.'))).type, 'directory');
});
