// The steps on files, as the shell of this machine runs them: what arrives, whatever its name and content.

import assert from 'node:assert/strict';
import { existsSync, lstatSync, readdirSync, readlinkSync, statSync, symlinkSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import fc from 'fast-check';
import { exactly } from '../../../../src/steps/layer-files.ts';
import { layerIn, layerOf, refusalOf, shellOf } from '../../../rig/steps/compiled.ts';
import { inSandbox } from '../../../rig/steps/run.ts';

/** Names of files that mean something to a shell or a program, and others. */
const NAME = fc
  .oneof(
    fc.constantFrom(
      '-rf',
      '--',
      "it's",
      '$(touch pwned)',
      '`id`',
      'a b',
      'a\nb',
      '"',
      '\\',
      '*',
      '!x',
      '~',
      '{a,b}',
      '-n',
      '[a]',
      'é',
    ),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 20 }),
  )
  .filter((name) => !/[/\0]/.test(name) && !/^\.*$/.test(name) && name.isWellFormed());

const TEXT = fc
  .oneof(
    fc.constantFrom(
      '',
      '\n',
      'EOF\n',
      '$HOME `id` \\\n',
      'a\nEOF\nEOF_\nb\n',
      '%s %d\\n',
      "'",
      '-n\n',
      'a\r\nb',
      '\t x',
    ),
    fc.string({ unit: 'binary', maxLength: 300 }),
    fc.array(fc.string({ maxLength: 30 })).map((lines) => `${lines.join('\n')}\n`),
  )
  .filter((text) => !text.includes('\0') && text.isWellFormed());

function modeOf(file: string): string {
  return (statSync(file).mode & 0o7777).toString(8);
}

suite('write and append', () => {
  test('any content arrives in a file of any name', () => {
    inSandbox(({ image, run, text }) => {
      fc.assert(
        fc.property(NAME, TEXT, (name, content) => {
          run('write', { path: `${image}/new/${name}`, content });
          assert.equal(text(`new/${name}`), content);
        }),
        { numRuns: 25 },
      );
      assert(!existsSync(`${image}/../layer/pwned`));
    });
  });

  test('lines are appended as lines', () => {
    inSandbox(({ image, run, text, write }) => {
      write('hosts', 'unended');
      run('append', { path: `${image}/hosts`, line: ['$(id) one', 'two\nthree'] });
      run('append', { path: `${image}/hosts`, line: '-n' });
      assert.equal(text('hosts'), 'unended\n$(id) one\ntwo\nthree\n-n\n');
      run('append', { path: `${image}/d/new`, line: 'x' });
      assert.equal(text('d/new'), 'x\n');
    });
  });

  test('modes are octal, quoted or not', () => {
    inSandbox(({ image, run }) => {
      run('write', { path: `${image}/a`, content: 'x', mode: '0640' });
      assert.equal(modeOf(`${image}/a`), '640');
    });
    const args = { path: '/a', content: '' };
    assert.equal(refusalOf('write', { ...args, mode: '0o644' }), 'must be an octal mode, such as 0644');
    assert.equal(refusalOf('write', { ...args, mode: '888' }), 'must be an octal mode, such as 0644');
    assert.match(refusalOf('write', { ...args, owner: 'a b' }), /^must be a user/);
    assert.equal(refusalOf('write', { ...args, content: 'a\0b' }), 'must not contain NUL');
    for (const wrong of ['etc/motd', '', '/', '//', '/etc/../../x', '/..', '/etc/..']) {
      assert.match(refusalOf('write', { ...args, path: wrong }), /^must /, wrong);
    }
  });
});

suite('edit', () => {
  const TEXT_OF_FILE = '#Port 22\nPort 2222\nHost a/b|c#d Host\nlast';

  test('replaces all matches, and keeps the rest', () => {
    inSandbox(({ image, run, text, write }) => {
      const file = `${image}/-f 'x'`;
      for (const [args, expected] of [
        [{ match: '^#?Port .*', replace: 'Port 1', count: '2' }, 'Port 1\nPort 1\nHost a/b|c#d Host\nlast'],
        [{ match: 'Host', replace: '<&>', count: '2' }, '#Port 22\nPort 2222\n<Host> a/b|c#d <Host>\nlast'],
        [{ match: 'a/b\\|c#', replace: '/|#,@', count: '1' }, '#Port 22\nPort 2222\nHost /|#,@d Host\nlast'],
        [{ match: '(la)(st)$', replace: '\\2\n\\1' }, '#Port 22\nPort 2222\nHost a/b|c#d Host\nst\nla'],
        [{ match: '^', replace: '> ', count: '4' }, '> #Port 22\n> Port 2222\n> Host a/b|c#d Host\n> last'],
        [
          { match: 'last', replace: "$(id) '\\&' \\\\" },
          "#Port 22\nPort 2222\nHost a/b|c#d Host\n$(id) '&' \\",
        ],
      ] as const) {
        write("-f 'x'", TEXT_OF_FILE);
        run('edit', { path: file, ...args });
        assert.equal(text("-f 'x'"), expected);
      }
    });
  });

  test('another number of matches is an error, and changes nothing', () => {
    inSandbox(({ image, fails, text, write }) => {
      const file = write('f', TEXT_OF_FILE);
      assert.equal(
        fails('edit', { path: file, match: 'none', replace: '' }),
        `0 matches of none in ${file}, not one or more\n`,
      );
      assert.match(
        fails('edit', { path: file, match: 'Port', replace: '', count: '1' }),
        /^2 matches of Port in .*, not 1\n$/,
      );
      assert.match(fails('edit', { path: file, match: '(', replace: '' }), /sed: .*\(/);
      assert.match(fails('edit', { path: `${image}/none`, match: 'x', replace: '' }), /No such file/);
      assert.equal(text('f'), TEXT_OF_FILE);
    });
    assert.match(refusalOf('edit', { path: '/a', match: 'a\\', replace: '' }), /single backslash/);
    assert.match(refusalOf('edit', { path: '/a', match: 'a', replace: 'b\\' }), /single backslash/);
    assert.match(refusalOf('edit', { path: '/a', match: 'a\nb', replace: '' }), /for one line/);
    assert.match(refusalOf('edit', { path: '/a', match: 'a', replace: '', count: '0' }), /at least 1/);
  });

  test('literal texts of any kind, as pattern and replacement', () => {
    inSandbox(({ image, run, text, write }) => {
      const words = fc.string({ unit: 'binary', minLength: 1, maxLength: 12 });
      const plain = words.filter((word) => !/[\0\n]/.test(word) && word.isWellFormed());
      fc.assert(
        fc.property(plain, TEXT, (word, replacement) => {
          write('f', `<${word}>\n`);
          const match = `<${word.replaceAll(/[.[\]{}()*+?^$|\\]/g, '\\$&')}>`;
          const replace = replacement.replaceAll(/[&\\]/g, '\\$&');
          run('edit', { path: `${image}/f`, match, replace, count: '1' });
          assert.equal(text('f'), `${replacement}\n`);
        }),
        { numRuns: 25 },
      );
    });
  });
});

suite('copy', () => {
  test('a slash at the end of "to" is the directory that it goes into', () => {
    inSandbox(({ image, run, text, add }) => {
      add('conf/a.conf', 'a');
      add('conf/sub/b.conf', 'b');
      add('conf/c.txt', 'c');
      run('copy', { from: 'conf/a.conf', to: `${image}/one/renamed` });
      run('copy', { from: './conf/a.conf', to: `${image}/two/` });
      run('copy', { from: 'conf/**/*.conf', to: `${image}/three/` });
      run('copy', { from: 'conf/', to: `${image}/four` });
      run('copy', { from: 'conf', to: `${image}/five/` });
      run('copy', { from: ['conf/**', '!**/*.txt'], to: `${image}/six/` });
      assert.deepEqual(
        (readdirSync(image, { recursive: true }) as string[]).filter((name) => /\./.test(name)).sort(),
        [
          'five/conf/a.conf',
          'five/conf/c.txt',
          'five/conf/sub/b.conf',
          'four/a.conf',
          'four/c.txt',
          'four/sub/b.conf',
          'six/a.conf',
          'six/sub/b.conf',
          'three/a.conf',
          'three/sub/b.conf',
          'two/a.conf',
        ],
      );
      assert.equal(text('one/renamed'), 'a');
    });
  });

  test('files of any name', () => {
    inSandbox(({ image, layer, run, text, add }) => {
      fc.assert(
        fc.property(
          NAME.filter((name) => !/[\\*?[\](){}|]|^!/.test(name)),
          TEXT,
          (name, content) => {
            add(name, content);
            run('copy', { from: `./${name}`, to: `${image}/x/` });
            run('copy', { from: name, to: `${image}/y/${name}` });
            assert.deepEqual([text(`x/${name}`), text(`y/${name}`)], [content, content]);
          },
        ),
        { numRuns: 15 },
      );
      run('copy', { from: '*', to: `${image}/all/` });
      assert.deepEqual(readdirSync(`${image}/all`).length, readdirSync(layer).length);
    });
  });

  test('modes are those of the files copied, and of no others', () => {
    inSandbox(({ image, layer, run, write, add }) => {
      const other = write('tree/other', 'x');
      add('tree/a', 'a');
      add('tree/d/b', 'b', 0o755);
      symlinkSync('../other', path.join(layer, 'tree/link'));
      run('copy', { from: 'tree', to: `${image}/`, mode: '0600', 'directory-mode': '0710' });
      const modes = ['tree/a', 'tree/d/b', 'tree/d', 'tree/other'].map((name) => modeOf(`${image}/${name}`));
      assert.deepEqual(modes, ['600', '600', '710', modeOf(other)]);
      assert.equal(readlinkSync(`${image}/tree/link`), '../other');
      run('copy', { from: 'tree/d/b', to: `${image}/bin/`, mode: '4755' });
      assert.equal(modeOf(`${image}/bin/b`), '4755');
    });
  });

  test('a link at the target is replaced, not followed', () => {
    inSandbox(({ image, run, text, write, add }) => {
      write('other', 'kept');
      symlinkSync('other', `${image}/link`);
      add('a', 'new');
      run('copy', { from: 'a', to: `${image}/link` });
      assert.deepEqual([text('other'), text('link')], ['kept', 'new']);
      assert(!lstatSync(`${image}/link`).isSymbolicLink());
    });
  });

  test('a link in a directory at the target is replaced too, with the tools of busybox as well', () => {
    for (const tools of ['', 'busybox']) {
      inSandbox(({ image, layer, run, text, write, add }) => {
        write('other', 'kept');
        write('tree/d/mine', 'mine');
        symlinkSync('../../other', `${image}/tree/d/-b`);
        add('tree/d/-b', 'new');
        symlinkSync('nowhere', path.join(layer, 'tree/link'));
        add('a', 'a');
        run('copy', { from: 'tree', to: `${image}/` });
        run('copy', { from: 'tree', to: `${image}/tree` });
        run('copy', { from: ['tree', 'a'], to: `${image}/new/` });
        run('copy', { from: ['tree', 'a'], to: `${image}/new/` });
        assert.deepEqual([text('other'), text('tree/d/-b'), text('tree/d/mine')], ['kept', 'new', 'mine']);
        assert.deepEqual([text('new/tree/d/-b'), text('new/a')], ['new', 'a']);
        assert.equal(readlinkSync(`${image}/tree/link`), 'nowhere');
      }, tools);
    }
  });

  test('what it refuses', () => {
    const files = layerOf({ 'a.conf': '', 'b.conf': '' });
    const refused = (args: object) => refusalOf('copy', { to: '/etc/x', ...args }, { files });
    assert.equal(refused({ from: '*.txt' }), 'no file of the layer matches "*.txt"');
    assert.equal(refused({ from: '*.conf' }), 'a.conf and b.conf cannot both be copied to /etc/x');
    assert.match(refused({ from: '/etc/passwd' }), /relative and without/);
    assert.match(refused({ from: 'a/../../b' }), /relative and without/);
    assert.match(refused({ from: 'a.conf', 'directory-mod': '755' }), /did you mean directory-mode/);
  });
});

test('the pattern for exactly one file', () => {
  inSandbox(({ layer, add }) => {
    const names = [
      '[a]',
      '{a,b}',
      'a',
      'b',
      '{p,q}/[c]/x',
      '(x)',
      '!x',
      '@(x)',
      '*',
      '?',
      '"',
      "'",
      '\\',
      'a|b',
      ']',
      '}',
    ];
    for (const name of names) add(name, '');
    const files = layerIn(layer);
    for (const name of names)
      assert.deepEqual(
        files.match([exactly(name)]).map(({ path }) => path),
        [name],
      );
    fc.assert(
      fc.property(NAME, (name) => {
        add(name, '');
        return (
          files
            .match([exactly(name)])
            .map(({ path }) => path)
            .join() === name
        );
      }),
    );
  });
});

suite('the others', () => {
  test('delete, with wildcards', () => {
    inSandbox(({ image, run, write }) => {
      for (const name of ['a.log', 'b.log', 'c d.txt', '$(x)', 'keep', 'd/e', '[k]eep']) write(name, '');
      run('delete', [
        `${image}/*.log`,
        `${image}/c d.*`,
        `${image}/$(x)`,
        `${image}/d`,
        `${image}/none`,
        `${image}/[k]eep`,
      ]);
      assert.deepEqual(readdirSync(image), ['keep']);
    });
    for (const wrong of ['/', '/*', '/./', '//*', '/?/*', '/etc/../..'])
      assert.match(refusalOf('delete', wrong), /^must/);
  });

  test('mkdir, touch, truncate, link, move, chmod', () => {
    inSandbox(({ image, run, fails, text, write }) => {
      run('mkdir', { path: `${image}/a/-b c`, mode: '2775' });
      assert.equal(modeOf(`${image}/a/-b c`), '2775');
      run('touch', [`${image}/a/x`, `${image}/n/y`]);
      assert.deepEqual([text('a/x'), text('n/y')], ['', '']);
      write('full/z', 'z');
      write('full/w', 'w');
      run('truncate', `${image}/full/z`);
      assert.equal(text('full/z'), '');
      run('truncate', { path: `${image}/full`, recursive: true });
      assert.equal(text('full/w'), '');
      assert.match(fails('truncate', `${image}/full/none`), /no such file/);
      run('link', { path: `${image}/full/z`, target: '-to/nowhere' });
      run('link', { path: `${image}/full/z`, target: "it's" });
      assert.equal(readlinkSync(`${image}/full/z`), "it's");
      assert.match(
        fails('link', { path: `${image}/full`, target: 'x' }),
        /cannot overwrite directory|Is a directory/,
      );
      run('move', { from: `${image}/full/w`, to: `${image}/in/` });
      run('move', { from: `${image}/in/w`, to: `${image}/in/v` });
      assert.equal(text('in/v'), '');
      run('chmod', { path: `${image}/in/v`, mode: '-r' });
      run('chmod', { path: [`${image}/in`], mode: 'u=rwx,go=', recursive: true });
      assert.equal(modeOf(`${image}/in/v`), '700');
    });
    assert.match(refusalOf('chmod', { path: '/a', mode: 'x; id' }), /^must be a mode/);
    assert.equal(
      shellOf('chown', { path: ['/a', '/b c'], owner: 'ann:staff', recursive: true }),
      "chown -Rh ann:staff /a '/b c'",
    );
    assert.match(refusalOf('chown', { path: '/a', owner: '--reference=/etc' }), /^must be a user/);
  });

  test('template', () => {
    inSandbox(({ image, run, fails, text, add }) => {
      add('motd.njk', '{{ layer }} $(id)\n{% for n in [1, 2] %}{{ n }};{% endfor %}\n');
      run('template', { from: './motd.njk', to: `${image}/etc/motd`, mode: '0600' });
      assert.equal(text('etc/motd'), '20_app $(id)\n1;2;\n');
      add('bad.njk', 'x\n{{ NONE }}');
      assert.match(fails('template', { from: 'bad.njk', to: `${image}/x` }), /bad\.njk: .*NONE/);
      assert.match(fails('template', { from: 'none', to: `${image}/x` }), /none: no such file/);
    });
  });

  test('run and script', () => {
    inSandbox(({ image, run, fails, text }) => {
      run('run', { command: 'echo "$A $PWD" >out', directory: image, environment: { A: "it's $(id)" } });
      assert.equal(text('out'), `it's $(id) ${image}\n`);
      fails('run', { command: 'false; true' });
    });
    const files = layerOf({
      'a.sh': 'echo',
      '-b.py': '#!/usr/bin/env python3 -u\n',
      'c.sh': '#! /bin/bash\r\n',
    });
    const script = (args: unknown) => shellOf('script', args, { files });
    assert.equal(script('./a.sh'), '/bin/sh -eu /mnt/a.sh');
    assert.equal(script('-b.py'), "/usr/bin/env 'python3 -u' /mnt/./-b.py");
    assert.equal(script({ file: 'c.sh', arguments: ['-x', 'a b'] }), "/bin/bash /mnt/c.sh -x 'a b'");
    assert.equal(
      script({ file: 'a.sh', user: 'ann', directory: '/srv' }),
      "cd /srv\nsu -s /bin/sh -c '/bin/sh -eu /mnt/a.sh' ann",
    );
    assert.match(refusalOf('script', 'none.sh', { files }), /no such file/);
    assert.match(refusalOf('run', { command: 'x', user: '-c id' }), /^must be the name of a user/);
    assert.match(refusalOf('run', { command: 'x', environment: { 'A;id': '' } }), /name of a variable/);
  });

  test('download', () => {
    const sha256 = 'AB'.repeat(32);
    const url = "https://example.org/a.tar.gz?x='$(id)";
    assert.match(
      shellOf('download', { url, sha256, to: '/opt/a b', extract: true }),
      /set -- 'https:\/\/example\.org\/a\.tar\.gz\?x='\\''\$\(id\)' "\$file\.part"[\s\S]*\nmkdir -p '\/opt\/a b'\ntar -x -o -f "\$file" -C '\/opt\/a b'$/,
    );
    assert.match(
      shellOf('download', { url: 'http://a/b.zip', sha256, to: '/opt/b', extract: true }),
      /\nunzip -q -o "\$file" -d \/opt\/b$/,
    );
    assert.match(
      shellOf('download', { url, sha256, to: '/usr/local/bin/a', mode: '0755', owner: 'root:root' }),
      /\nmkdir -p \/usr\/local\/bin\nrm -f \/usr\/local\/bin\/a\ncp "\$file" \/usr\/local\/bin\/a\nchown root:root \/usr\/local\/bin\/a\nchmod 0755 \/usr\/local\/bin\/a$/,
    );
    assert.match(refusalOf('download', { url: 'file:///x', sha256, to: '/a' }), /must be a URL/);
    assert.match(refusalOf('download', { url, sha256, to: '/a/' }), /name of a file/);
    assert.match(
      refusalOf('download', { url, sha256, to: '/a', extract: true, mode: '755' }),
      /not for archives/,
    );
    assert.match(refusalOf('download', { url, to: '/a' }), /is missing/);
  });
});
