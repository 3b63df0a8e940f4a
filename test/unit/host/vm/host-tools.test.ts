// What a guest gets of this machine for its programs.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkSharing, settingsHere } from '../../../../src/host/vm/host-tools.ts';
import { Tree } from '../../../rig/tree.ts';

test('settings of /etc are copied as far as they are listed, without credentials and links followed', () => {
  using tree = new Tree({
    passwd: 'root:x:0:0::/root:/bin/sh\n',
    shadow: 'root:secret:::::::\n',
    'apt/apt.conf.d/10proxy': 'Acquire::http::Proxy "http://proxy";\n',
    'apt/auth.conf': 'machine mirror password secret\n',
    'apt/auth.conf.d/mirror.conf': 'machine mirror password secret\n',
    'alternatives/awk': { link: '/usr/bin/mawk' },
    'ssl/certs/large': Buffer.alloc(2 ** 20 + 1),
    'ssl/private/key.pem': 'secret',
    'ssh/ssh_host_key': 'secret',
  });
  const settings = settingsHere(tree.directory);
  assert.deepEqual(
    settings.toSorted((a, b) => a.name.localeCompare(b.name)),
    [
      { name: 'alternatives/awk', target: '/usr/bin/mawk' },
      { name: 'apt/apt.conf.d/10proxy' },
      { name: 'passwd' },
    ],
  );
});

test('a kernel without 9p is refused, with one that has it', () => {
  using tree = new Tree({
    'with/modules.dep': 'kernel/fs/9p/9p.ko: kernel/net/9p/9pnet.ko\n',
    'packed/modules.dep': 'kernel/fs/9p/9p.ko.zst: kernel/net/9p/9pnet.ko.zst\n',
    'inside/modules.dep': '',
    'inside/modules.builtin': 'kernel/fs/9p/9p.ko\n',
    'without/modules.dep': 'kernel/fs/ext4/ext4.ko:\n',
  });
  const check = (name: string) => checkSharing({ file: 'vmlinuz', version: '6', modules: tree.path(name) });
  for (const name of ['with', 'packed', 'inside']) assert.ok(check(name).ok, name);
  const refused = check('without');
  assert.ok(!refused.ok);
  assert.match(refused.failure.message, /^the kernel vmlinuz cannot show programs/);
});
