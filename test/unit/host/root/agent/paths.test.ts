// Paths inside an image never lead out of it, and mount points are removed only where they were created.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { Tree } from '../../../../rig/tree.ts';
import { inAgent } from './agent.ts';

describe('in_root', () => {
  const cases: Readonly<Record<string, readonly [path: string, found: string]>> = {
    'a plain path': ['/etc/passwd', '/etc/passwd'],
    'the root': ['/', ''],
    'dots, empty parts and a slash at the end': ['//etc/./x/..//passwd/', '/etc/passwd'],
    'above the root': ['/../../etc', '/etc'],
    'an absolute link': ['/absolute/passwd', '/etc/passwd'],
    'a relative link': ['/usr/relative', '/etc'],
    'a link out of the image': ['/out/etc/shadow', '/etc/shadow'],
    'a link to a link': ['/twice', '/etc'],
    'a link to nothing': ['/dangling/below', '/nowhere/below'],
    'a name with blanks, a star and a newline': ['/a *\nb/c', '/a *\nb/c'],
  };
  for (const [what, [asked, found]] of Object.entries(cases)) {
    test(what, () => {
      using image = new Tree({
        'etc/passwd': 'x',
        absolute: { link: '/etc' },
        'usr/relative': { link: '../etc' },
        out: { link: '../../../../../../..' },
        twice: { link: 'absolute' },
        dangling: { link: '/nowhere' },
        'a *\nb/c': 'x',
      });
      const script = 'in_root "$1" "$2" && printf %s "$found"';
      const done = inAgent(['paths.sh'], script, image.directory, asked);
      assert.deepEqual([done.status, done.stdout, done.stderr], [0, image.directory + found, '']);
    });
  }

  test('links in a ring', () => {
    using image = new Tree({ a: { link: 'b' }, b: { link: 'a' } });
    const done = inAgent(['paths.sh'], 'in_root "$1" /a/x', image.directory);
    assert.deepEqual([done.status, done.stderr], [1, 'too many symbolic links at /a/x in the image\n']);
  });
});

describe('mount_point', () => {
  const make = (image: Tree, file: string, type: string) =>
    inAgent(
      ['paths.sh'],
      'mount_point "$@" && printf %s "$found"',
      image.path('root'),
      file,
      type,
      image.path('made'),
    );

  test('creates what is missing, parents too, and lists it', () => {
    using image = new Tree({ 'root/srv/': '', 'root/link': { link: '/srv' } });
    const place = image.path('root/srv/new/data');
    assert.deepEqual(make(image, '/link/new/data', 'directory'), { status: 0, stdout: place, stderr: '' });
    assert.deepEqual(readdirSync(place), []);
    assert.equal(image.read('made'), '/srv/new\n/srv/new/data\n');
    const file = image.path('root/srv/file');
    assert.equal(make(image, '/srv/file', 'file').stdout, file);
    assert.equal(image.read('root/srv/file'), '');
  });

  test('lists nothing that was there', () => {
    using image = new Tree({ 'root/srv/': '', 'root/etc/file': 'x' });
    assert.equal(make(image, '/srv', 'directory').status, 0);
    assert.equal(make(image, '/etc/file', 'file').status, 0);
    assert.equal(existsSync(image.path('made')), false);
  });

  test('refuses what is of another type', () => {
    using image = new Tree({ 'root/srv/': '', 'root/file': 'x' });
    for (const [file, type, reason] of [
      ['/srv', 'file', '/srv in the image is a directory'],
      ['/file', 'directory', '/file in the image is not a directory'],
      ['/file/below', 'directory', '/file in the image is not a directory'],
    ] as const) {
      const { status, stderr } = make(image, file, type);
      assert.deepEqual([status, stderr], [4, `${reason}\n`]);
    }
    assert.deepEqual(readdirSync(image.path('root')).sort(), ['file', 'srv']);
  });
});

describe('remove_mount_points', () => {
  function remove(image: Tree, ...places: readonly string[]) {
    writeFileSync(image.path('made'), places.map((place) => `${place}\n`).join(''));
    const done = inAgent(['paths.sh'], 'remove_mount_points "$@"', image.path('root'), image.path('made'));
    assert.deepEqual([done.status, done.stderr], [0, '']);
  }

  test('removes empty directories and files, the deepest first', () => {
    using image = new Tree({ 'root/a/b/c/': '', 'root/file': '', 'root/kept': 'x' });
    remove(image, '/a', '/a/b', '/a/b/c', '/file');
    assert.deepEqual(readdirSync(image.path('root')), ['kept']);
  });

  test('leaves what a script has put something into', () => {
    using image = new Tree({ 'root/a/b/': '', 'root/a/mine': 'x', 'root/file': 'x' });
    remove(image, '/a', '/a/b', '/file');
    assert.deepEqual(readdirSync(image.path('root')).sort(), ['a', 'file']);
    assert.deepEqual(readdirSync(image.path('root/a')), ['mine']);
  });

  test('follows no link that a script put into that path', () => {
    using image = new Tree({ 'root/': '', 'host/b/': '', 'host/file': '' });
    symlinkSync(image.path('host'), image.path('root/a'));
    symlinkSync(image.path('host/file'), image.path('root/file'));
    remove(image, '/a/b', '/a/file', '/file');
    assert.deepEqual(readdirSync(image.path('host')).sort(), ['b', 'file']);
  });

  test('without a list, and with paths that are gone, does nothing', () => {
    using image = new Tree({ 'root/a/': '' });
    assert.equal(
      inAgent(['paths.sh'], 'remove_mount_points "$@"', image.path('root'), image.path('none')).status,
      0,
    );
    rmSync(image.path('root/a'), { recursive: true });
    mkdirSync(image.path('root/other'));
    remove(image, '/a');
    assert.deepEqual(readdirSync(image.path('root')), ['other']);
  });
});
