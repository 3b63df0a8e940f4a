// vlb import virt-customize: what each option becomes, and that values arrive as they were given.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Imported, Source } from '../../../src/import/imported.ts';
import { importCommandLine } from '../../../src/import/virt-customize/import.ts';
import { ALIASES, OPTIONS } from '../../../src/import/virt-customize/options.ts';
import { configOf, layerOf, machine, readSteps, shown, textOf } from './rig.ts';

const FILES = machine({
  '/ann/site.conf': 'server {}\n',
  '/ann/tree/a': 'a',
  '/ann/tree': null,
  '/ann/setup.sh': '#!/bin/sh\ntrue\n',
  '/ann/setup.py': '#!/usr/bin/python3\n',
  '/ann/plain': 'echo hello\n',
  '/ann/root.tar': '',
  '/ann/ann.pub': 'ssh-ed25519 AAAA ann\n',
  '/home/me/.ssh/id_ed25519.pub': 'ssh-ed25519 BBBB me\n',
  '/ann/web.txt': '# web\n\ninstall nginx\nwrite /etc/motd:hello \\\n   world\nupdate\n',
  '/ann/loop.txt': 'commands-from-file loop.txt\n',
  '/ann/bad.txt': 'install nginx\nfrobnicate\n',
});

function tryImport(words: readonly string[], source: Source = FILES, isNew = false) {
  return importCommandLine(
    { words, directory: '/ann', project: '/ann/project', layer: '10_web', isNew },
    source,
  );
}

function imported(words: readonly string[], source?: Source): Imported {
  const result = tryImport(words, source);
  assert.ok(result.ok, JSON.stringify(result));
  return result.value;
}

/** A command line, and the steps that it becomes. */
const STEPS: readonly (readonly [words: readonly string[], steps: readonly unknown[]])[] = [
  [['--append-line', '/etc/hosts:10.0.0.1 a:b'], [{ append: { path: '/etc/hosts', line: '10.0.0.1 a:b' } }]],
  [['--chmod', '0750:/srv/a:b'], [{ chmod: { path: '/srv/a:b', mode: '0750' } }]],
  [['--chmod', '448:/srv'], [{ chmod: { path: '/srv', mode: '0700' } }]],
  [['--chown', '33:0:/srv/a:b'], [{ chown: { path: '/srv/a:b', owner: '33:0' } }]],
  [['--copy', '/etc/a:/etc/b c'], [{ run: "cp -a -- /etc/a '/etc/b c'" }]],
  [['--copy-in', 'tree:/srv'], [{ copy: { from: './tree', to: '/srv/tree' } }]],
  [['--copy-in', 'site.conf:/srv/'], [{ copy: { from: './site.conf', to: '/srv/site.conf', mode: '0644' } }]],
  [['--delete', '/var/log/*.log'], [{ delete: '/var/log/*.log' }]],
  [['--edit', "/etc/a: s/^x='1'/y/"], [{ edit: { path: '/etc/a', match: "^x='1'", replace: 'y' } }]],
  [['--edit', '/etc/a: s,\\.d/x,/y\\,z,g'], [{ edit: { path: '/etc/a', match: '\\.d/x', replace: '/y,z' } }]],
  [['--edit', '/etc/a:s/a/b/'], [{ run: 'perl -p -i -e s/a/b/ /etc/a' }]],
  [['--edit', '/etc/a:s/^\\d+/$1/'], [{ run: "perl -p -i -e 's/^\\d+/$1/' /etc/a" }]],
  [['--edit', '/etc/a: s/^x/$lineno/'], [{ run: "perl -p -i -e '$lineno = $.; s/^x/$lineno/' /etc/a" }]],
  [['--firstboot', 'setup.sh'], [{ firstboot: './setup.sh' }]],
  [['--firstboot-command', 'useradd ann'], [{ firstboot: { command: 'useradd ann' } }]],
  [['--firstboot-install', 'a,b'], [{ firstboot: { script: './install.sh', network: true } }]],
  [['--hostname', 'web.example.org'], [{ hostname: 'web.example.org' }]],
  [['--install', 'nginx,curl'], [{ install: { packages: ['nginx', 'curl'], recommends: true } }]],
  [
    ['--link', '/a:/b:/c'],
    [{ link: { path: '/b', target: '/a' } }, { link: { path: '/c', target: '/a' } }],
  ],
  [['--mkdir', '/srv/a'], [{ mkdir: '/srv/a' }]],
  [['--move', '/a:/b'], [{ move: { from: '/a', to: '/b' } }]],
  [['--run', 'setup.py'], [{ script: './setup.py' }]],
  [['--run-command', 'echo "$HOME" {{ a }}'], [{ run: 'echo "$HOME" {{ a }}' }]],
  [['--scrub', '/root/key'], [{ delete: '/root/key' }]],
  [['--tar-in', 'root.tar:/srv'], [{ run: 'tar -xf ./root.tar -C /srv' }]],
  [['--timezone', 'Europe/Oslo'], [{ timezone: 'Europe/Oslo' }]],
  [['--touch', '/a'], [{ touch: '/a' }]],
  [['--truncate', '/a'], [{ truncate: '/a' }]],
  [['--truncate-recursive', '/var/log'], [{ truncate: { path: '/var/log', recursive: true } }]],
  [['--uninstall', 'nano'], [{ uninstall: ['nano'] }]],
  [['--update'], [{ update: 'all' }]],
  [
    ['--upload', 'site.conf:/etc/nginx.conf'],
    [{ copy: { from: './site.conf', to: '/etc/nginx.conf', mode: '0644' } }],
  ],
  [['--upload', 'site.conf:/etc'], [{ copy: { from: './site.conf', to: '/etc/site.conf', mode: '0644' } }]],
  [['--write', '/etc/motd:a:b\nc'], [{ write: { path: '/etc/motd', content: 'a:b\nc' } }]],
  [['--ssh-inject', 'ann:file:ann.pub'], [{ 'ssh-key': { user: 'ann', key: './ann.pub' } }]],
  [['--ssh-inject', 'ann:string:ssh-rsa AAAA b'], [{ 'ssh-key': { user: 'ann', key: 'ssh-rsa AAAA b' } }]],
  [['--ssh-inject', 'root'], [{ 'ssh-key': { user: 'root', key: './id_ed25519.pub' } }]],
  [
    ['--commands-from-file', 'web.txt'],
    [
      { install: { packages: ['nginx'], recommends: true } },
      { write: { path: '/etc/motd', content: 'hello world' } },
      { update: 'all' },
    ],
  ],
  // Passwords come last, as virt-customize sets them.
  [
    ['--root-password', 'locked', '--run-command', 'true'],
    [{ run: 'true' }, { 'root-password': 'locked' }],
  ],
  [['--password', 'ann:file:pw'], [{ password: { user: 'ann', password: { secret: 'password-ann' } } }]],
  [['--password', 'ann:locked:password:x:y'], [{ password: { user: 'ann', password: 'locked' } }]],
  [['--root-password', 'disabled'], [{ 'root-password': 'locked' }]],
  [['--no-network', '--update'], [{ update: 'all' }]],
];

for (const [words, steps] of STEPS) {
  test(`${words.join(' ')}`, () => {
    assert.deepEqual(layerOf(imported(words), '10_web').steps, steps);
  });
}

/** Options without a step, and their notes. */
const NOTES: readonly (readonly [words: readonly string[], note: RegExp])[] = [
  [['--add', 'disk.img'], /^- --add disk\.img: the layer is built on the layer before it/],
  [['--attach', 'x.iso'], /^- --attach x\.iso: copy the files into the layer/],
  [['--attach-format', 'raw'], /^- --attach-format raw: /],
  [['--connect', 'qemu:///system'], /^- --connect qemu:\/\/\/system: /],
  [['--domain', 'web'], /^- --domain web: set base in vlb\.yaml/],
  [['--dry-run'], /^ {2}--dry-run: vlb plan/],
  [['--echo-keys'], /^- --echo-keys: /],
  [['--format', 'raw'], /^ {2}--format raw: /],
  [['--inject-blnsvr', 'x'], /^- --inject-blnsvr x: for Windows/],
  [['--inject-qemu-ga', 'x'], /^- --inject-qemu-ga x: for Windows.*guest-agent/],
  [['--inject-virtio-win', 'x'], /^- --inject-virtio-win x: for Windows/],
  [['--key', 'ID:key:secret'], /^- --key: /],
  [['--keys-from-stdin'], /^- --keys-from-stdin: /],
  [['--memsize', '2048'], /^- --memsize 2048: /],
  [['--no-logfile'], /^ {2}--no-logfile: vlb leaves no log/],
  [['--no-selinux-relabel'], /^- --no-selinux-relabel: vlb always labels/],
  [['--password-crypto', 'md5'], /^ {2}--password-crypto md5: /],
  [['--root-password', 'random'], /^- --root-password: vlb chooses no passwords/],
  [['--selinux-relabel'], /^ {2}--selinux-relabel: /],
  [['--sm-attach', 'auto'], /^- --sm-attach auto: use a run step/],
  [['--sm-credentials', 'me:password:x'], /^- --sm-credentials: /],
  [['--sm-register'], /^- --sm-register: /],
  [['--sm-remove'], /^- --sm-remove: /],
  [['--sm-unregister'], /^- --sm-unregister: /],
  [['--smp', '4'], /^- --smp 4: /],
];

for (const [words, note] of NOTES) {
  test(`${words.join(' ')}: a note`, () => {
    const all = shown(imported([...words, '--update']).notes);
    assert.equal(all.length, 1, all.join('\n'));
    assert.match(all[0] ?? '', note);
  });
}

/** Options that change nothing in an image, of which there is nothing to say. */
const SILENT = ['color', 'help', 'machine-readable', 'network', 'quiet', 'verbose', 'version', 'wrap', 'x'];

test('each option of virt-customize has a test', () => {
  const tried = [...STEPS, ...NOTES].flatMap(([words]) => words.filter((word) => word.startsWith('--')));
  const names = new Set([...tried.map((word) => word.slice(2)), ...SILENT]);
  assert.deepEqual([...names].sort(), Object.keys(OPTIONS).sort());
  for (const name of SILENT) assert.deepEqual(imported([`--${name}`, '--update']).notes, []);
  for (const [form, name] of Object.entries(ALIASES)) assert.ok(OPTIONS[name], form);
});

test('what is not imported is a comment at its place', () => {
  const text = textOf(
    imported(['--install', 'a', '--sm-register', '--update', '--sm-remove']),
    'layers/10_web/layer.yaml',
  );
  assert.equal(
    text,
    `# Imported from a command line of virt-customize.

steps:
  - install:
      packages: [a]
      recommends: true
  # not imported: --sm-register: use a run step with subscription-manager, and a secret
  - update: all

# not imported: --sm-remove: use a run step with subscription-manager, and a secret
`,
  );
});

test('options have the forms that getopt_long_only takes', () => {
  const expected = [
    { install: { packages: ['a'], recommends: true } },
    { hostname: 'b' },
    { write: { path: '/c', content: '=d' } },
  ];
  const forms = [
    ['--install', 'a', '--hostname', 'b', '--write', '/c:=d'],
    ['--install=a', '--hostname=b', '--write=/c:=d'],
    ['-install', 'a', '-hostname=b', '--wri', '/c:=d'],
    ['virt-customize', '--inst', 'a', '--host', 'b', '--write', '/c:=d'],
    ['/usr/bin/virt-customize', '-q', '-v', '-x', '--inst=a', '--host=b', '-write=/c:=d'],
  ];
  for (const words of forms)
    assert.deepEqual(layerOf(imported(words), '10_web').steps, expected, words.join(' '));
  const short = tryImport(['-adisk.img', '-m', '512', '--upd'], FILES, true);
  assert.ok(short.ok && short.value.files.some(({ path }) => path === 'vlb.yaml'));
});

test('a network that is off is off in the layer, and secrets are declared', () => {
  const layer = layerOf(imported(['--no-network', '--root-password', 'file:pw', '--update']), '10_web');
  assert.deepEqual([layer.network, layer.secrets], ['none', ['password-root']]);
});

test('the disk is the base of a new project', () => {
  const result = tryImport(['-a', 'disk.img', '-a', 'data.img', '--update'], FILES, true);
  assert.ok(result.ok);
  const base = configOf(result.value).base;
  assert.equal(base?.type === 'file' && base.path, '/ann/disk.img');
  assert.match(
    shown(result.value.notes).join('\n'),
    /^ {2}--add disk\.img: it is the base[^\n]*\n- --add data\.img: /,
  );
  const inside = importCommandLine(
    {
      words: ['-a', 'disk.img', '--update'],
      directory: '/ann',
      project: '/ann',
      layer: '10_web',
      isNew: true,
    },
    FILES,
  );
  assert.ok(inside.ok);
  assert.match(textOf(inside.value, 'vlb.yaml'), /^base: disk\.img$/m);
});

/** Command lines that cannot be read. */
const REFUSED: readonly (readonly [words: readonly string[], message: RegExp])[] = [
  [['--frobnicate'], /^--frobnicate: not an option of virt-customize$/],
  [['nginx'], /^nginx: not an option/],
  [['--install'], /^--install: requires a value$/],
  [['--update=yes'], /^--update: takes no value$/],
  [['--in', 'x'], /^--in: ambiguous: --inject-blnsvr, --inject-qemu-ga, --inject-virtio-win, --install$/],
  [['--write', '/etc/motd'], /^--write \/etc\/motd: must be FILE:CONTENT$/],
  [['--chmod', 'u+x:/a'], /must be PERMISSIONS:FILE$/],
  [['--chown', 'ann:ann:/a'], /must be UID:GID:PATH$/],
  [['--link', '/a'], /must be TARGET:LINK/],
  [['--upload', 'none:/a'], /no such file: none$/],
  [['--upload', 'tree:/a'], /tree is a directory$/],
  [['--run', 'none'], /no such file: none$/],
  [['--ssh-inject', 'ann:file:none'], /no such file: \/ann\/none$/],
  [['--commands-from-file', 'none'], /no such file$/],
  [['--commands-from-file', 'loop.txt'], /too many files$/],
  [['--commands-from-file', 'bad.txt'], /^bad\.txt:2: frobnicate: not an option of virt-customize$/],
  [['--root-password', 'hunter2'], /^--root-password: not a selector of a password$/],
  [['--root-password', 'locked:hunter2'], /^--root-password: not a selector of a password$/],
];

for (const [words, message] of REFUSED) {
  test(`${words.join(' ')} is refused`, () => {
    const result = tryImport(words);
    assert.ok(!result.ok);
    assert.equal(result.failure.kind, 'usage');
    assert.match(result.failure.message, message);
  });
}

test('a user without a public key has to name one', () => {
  const result = tryImport(['--ssh-inject', 'root'], machine());
  assert.ok(!result.ok);
  assert.match(result.failure.message, /^--ssh-inject root: there is no public key in ~\/\.ssh$/);
});

test('scripts get an interpreter line, and two of a name have two names', () => {
  const result = imported(['--run', 'plain', '--firstboot', 'plain', '--firstboot', 'setup.sh']);
  assert.deepEqual(layerOf(result, '10_web').steps, [
    { script: './plain' },
    { firstboot: './2-plain' },
    { firstboot: './setup.sh' },
  ]);
  assert.equal(textOf(result, 'layers/10_web/plain'), '#!/bin/sh\necho hello\n');
  assert.equal(textOf(result, 'layers/10_web/2-plain'), '#!/bin/sh\necho hello\n');
  const install = textOf(imported(['--firstboot-install', "a,b'c"]), 'layers/10_web/install.sh');
  assert.match(install, /^elif command -v dnf >\/dev\/null; then\n {2}dnf -y install a 'b'\\''c'$/m);
});

test('a file that is copied twice is there once', () => {
  const result = imported(['--upload', 'site.conf:/a', '--upload', 'site.conf:/b', '--copy-in', 'tree:/c']);
  assert.deepEqual(
    result.files.map(({ path, content }) => [path, 'copyOf' in content ? content.copyOf : '']),
    [
      ['layers/10_web/layer.yaml', ''],
      ['layers/10_web/site.conf', '/ann/site.conf'],
      ['layers/10_web/tree', '/ann/tree'],
    ],
  );
});

test('passwords are in no file, and in no note', () => {
  fc.assert(
    fc.property(
      fc.string({ minLength: 6, maxLength: 12, unit: fc.constantFrom(...'qQzZ0#:{%') }),
      (secret) => {
        const password = `~~${secret}`;
        const result = imported([
          '--root-password',
          `password:${password}`,
          '--password',
          `ann:locked:password:${password}`,
          '--sm-credentials',
          `me:password:${password}`,
          '--key',
          `ID:key:${password}`,
        ]);
        assert.ok(!JSON.stringify(result).includes(JSON.stringify(password).slice(1, -1)));
      },
    ),
  );
});

test('any text arrives in a file and a command as it was given', () => {
  const text = fc.string({ unit: 'binary', maxLength: 60 }).filter((one) => !one.includes('\0'));
  const hostile = fc.oneof(
    text,
    fc.string({
      unit: fc.constantFrom('{', '}', '%', '#', "'", '"', '\n', ' ', '\t', '-', ':', '|', '$(x)', 'é'),
    }),
  );
  fc.assert(
    fc.property(hostile, hostile, (content, command) => {
      const result = imported(['--write', `/etc/motd:${content}`, '--run-command', command]);
      const [write, run] = readSteps(result, '10_web').all;
      assert.deepEqual([{ ...Object(write?.args) }, run?.args], [{ path: '/etc/motd', content }, command]);
    }),
  );
});

test('with any values, what is written is a layer that vlb reads', () => {
  const named = Object.entries(OPTIONS).filter(([name, rule]) => rule.value && name !== 'add');
  const value = fc.string({
    unit: fc.constantFrom(...'ab/:,=.-_ \'"{}%#$()\n\\*é0'.split('')),
    maxLength: 20,
  });
  const option = fc.tuple(fc.constantFrom(...named.map(([name]) => name)), value);
  fc.assert(
    fc.property(fc.array(option, { minLength: 1, maxLength: 4 }), (options) => {
      const result = tryImport(options.map(([name, given]) => `--${name}=${given}`));
      if (!result.ok) return assert.equal(result.failure.kind, 'usage');
      const { all } = readSteps(result.value, '10_web');
      assert.ok(all.length + result.value.notes.length > 0, 'something is said of each option');
    }),
  );
});

test('a layer in which nothing is left has a step that does nothing', () => {
  const result = imported(['--sm-register']);
  assert.deepEqual(
    readSteps(result, '10_web').all.map(({ verb, args }) => [verb, args]),
    [['run', 'true']],
  );
});
