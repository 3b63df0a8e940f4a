// The steps on users and their passwords and keys.

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { VERBS } from '../../../../src/steps/registry.ts';
import { ALPINE, compile, layerOf, refusalOf, shellOf } from '../../../rig/steps/compiled.ts';
import { inSandbox } from '../../../rig/steps/run.ts';

const KEY =
  'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKaE4VZ1vJqXf0Gm4Ww6mC2n9yYbqvXk7m3c2r1zQ5pT ann@example.org';

suite('user and group', () => {
  test('a user that exists is changed', () => {
    assert.equal(
      shellOf('user', {
        name: 'ann',
        uid: '1200',
        groups: ['adm', 'users'],
        comment: "Ann O'Hara",
        home: '/srv/ann',
      }),
      `if getent passwd ann >/dev/null; then
  usermod --uid 1200 --comment 'Ann O'\\''Hara' --append --groups adm,users --home /srv/ann --move-home ann
else
  useradd --create-home --uid 1200 --comment 'Ann O'\\''Hara' --groups adm,users --home-dir /srv/ann ann
fi`,
    );
    assert.match(
      shellOf('user', { name: 'app', system: true }),
      /\n {2}:\nelse\n {2}useradd --system app\nfi$/,
    );
    assert.equal(
      shellOf('user', { name: 'ann', uid: '7', groups: 'adm' }, { distribution: ALPINE }),
      'getent passwd ann >/dev/null || adduser -D -u 7 ann\naddgroup ann adm',
    );
    assert.equal(
      shellOf('group', { name: 'g', gid: '5', system: true }),
      'getent group g >/dev/null || groupadd --system --gid 5 g',
    );
    assert.equal(shellOf('group', 'g', { distribution: ALPINE }), 'getent group g >/dev/null || addgroup g');
  });

  test('what it refuses', () => {
    for (const [args, message] of [
      ['a:b', /name of a user/],
      ['-a', /name of a user/],
      ['$(id)', /name of a user/],
      ['a\nb', /name of a user/],
      ['', /name of a user/],
      [{ name: 'a', uid: '-1' }, /must be a number/],
      [{ name: 'a', groups: ['b,c'] }, /name of a group/],
      [{ name: 'a', comment: 'x:y' }, /without a colon/],
      [{ name: 'a', comment: 'x\nroot::0:0' }, /without a colon/],
      [{ name: 'a', home: '/a:b' }, /without a colon/],
      [{ name: 'a', shell: 'bash' }, /absolute path/],
      [{ name: 'a', password: 'hunter2' }, /must be locked/],
      [{ name: 'a', password: 'locked', locked: true }, /either password or locked/],
      [{ name: 'a', surname: 'b' }, /unknown field "surname"/],
    ] as const) {
      assert.match(refusalOf('user', args), message, JSON.stringify(args));
    }
  });
});

suite('passwords', () => {
  const step = (verb: string, args: unknown) => {
    const made = VERBS.find(({ name }) => name === verb)?.step(args);
    assert(made?.ok);
    return made.step;
  };

  test('a secret is named, not read, and no process has it as an argument', () => {
    const args = { user: 'ann', password: { secret: 'ANN' } };
    assert.deepEqual(step('password', args).secrets, ['ANN']);
    assert.deepEqual(step('user', { name: 'ann', password: { 'secret-hash': 'ANN' } }).secrets, ['ANN']);
    assert.deepEqual(step('root-password', { secret: 'R' }).secrets, ['R']);
    assert.deepEqual(step('root-password', 'locked').secrets, []);
    inSandbox(({ image, run, fails, text, write }) => {
      const bin = write('bin/chpasswd', `#!/bin/sh\necho "$@" >${image}/arguments\ncat >${image}/input\n`);
      run('chmod', { path: bin, mode: '0755' });
      const shell = `PATH=${image}/bin:$PATH VLB_SECRETS=${image}\n${shellOf('password', args)}`;
      write('ANN', "it's $(id) %s\\n\n");
      run('run', shell);
      assert.deepEqual([text('input'), text('arguments')], ["ann:it's $(id) %s\\n\n", '\n']);
      for (const wrong of ['', '\n', 'x\nroot:y\n']) {
        write('ANN', wrong);
        assert.equal(fails('run', shell), 'the secret ANN must be one line\n');
      }
    });
  });

  test('hashes, and locks', () => {
    assert.equal(
      shellOf('root-password', { hash: '$y$j9T$abc/.$XYZ' }),
      "printf '%s\\n' 'root:$y$j9T$abc/.$XYZ' | chpasswd -e",
    );
    assert.equal(shellOf('root-password', 'locked'), "printf '%s\\n' 'root:!' | chpasswd -e");
    assert.match(shellOf('password', { user: 'a', password: { 'secret-hash': 'H' } }), /\| chpasswd -e$/);
    for (const wrong of [
      'secret',
      { hash: 'secret' },
      { hash: '$6$a:b$c' },
      { hash: '$6$a$b\nroot' },
      { password: 'x' },
      {},
      { hash: '$6$a$b', secret: 'X' },
    ]) {
      assert(!compile('root-password', wrong).ok, JSON.stringify(wrong));
    }
  });
});

suite('ssh-key', () => {
  test('texts and files, with options', () => {
    const withOptions = `command="echo hi, $(id) \\"x\\"",no-pty,environment="A=b" ${KEY}`;
    const files = layerOf({
      'k.pub': `# mine\n\n${KEY}\n${withOptions}\r\n`,
      'bad.pub': `${KEY}\nAAAA\n`,
      'empty.pub': '\n',
    });
    assert(compile('ssh-key', withOptions).ok);
    const shell = shellOf('ssh-key', { user: 'ann', key: ['k.pub'] }, { files });
    assert.equal(shell.match(/grep -qxF/g)?.length, 2);
    assert.match(refusalOf('ssh-key', 'bad.pub', { files }), /^bad\.pub, line 2, is not a public key/);
    assert.match(refusalOf('ssh-key', 'empty.pub', { files }), /no public keys/);
    assert.match(refusalOf('ssh-key', 'none.pub', { files }), /no such file/);
    assert.match(refusalOf('ssh-key', `${KEY}\n${KEY}`), /^must be a public key/);
    assert.match(refusalOf('ssh-key', '-----BEGIN OPENSSH PRIVATE KEY-----'), /^must be a public key/);
  });

  test('a key is added once', () => {
    inSandbox(({ image, run, text, write }) => {
      write('bin/getent', `#!/bin/sh\necho "$2:x:1:1::${image}/home:/bin/sh"\n`);
      write('bin/id', '#!/bin/sh\necho 0\n');
      for (const name of ['chown', 'install'])
        write(`bin/${name}`, `#!/bin/sh\nmkdir -p "${image}/home/.ssh"\n`);
      for (const name of ['getent', 'id', 'chown', 'install'])
        run('chmod', { path: `${image}/bin/${name}`, mode: '0755' });
      write('home/.ssh/authorized_keys', 'other\n');
      const shell = shellOf('ssh-key', { user: 'ann', key: KEY });
      for (let times = 0; times < 2; times++) run('run', `PATH=${image}/bin:$PATH\n${shell}`);
      assert.equal(text('home/.ssh/authorized_keys'), `other\n${KEY}\n`);
    });
  });
});
