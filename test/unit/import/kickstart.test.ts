// vlb import kickstart: what each command becomes, that none is dropped without a word, and that no password is written.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Imported } from '../../../src/import/imported.ts';
import { importKickstart } from '../../../src/import/kickstart/import.ts';
import { COMMANDS } from '../../../src/translate/kickstart/commands.ts';
import { layerOf, machine, shown, textOf } from './rig.ts';

function tryImport(text: string) {
  const source = machine({
    '/ks/web.ks': text,
    '/ks/repos/own.ks': 'repo --name=own --baseurl=http://192.0.2.1/\n',
  });
  return importKickstart({ file: 'web.ks', directory: '/ks', layer: '10_web' }, source);
}

function imported(text: string): Imported {
  const result = tryImport(text);
  assert.ok(result.ok, JSON.stringify(result));
  return result.value;
}

const KEY = 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKaE4VZ1vJqXf0Gm4Ww6mC2n9yYbqvXk7m3c2r1zQ5pT ann';
const HASH =
  '$6$Zk1WbQxQ$YB3cWfYyVfWJcRkqS2m3vC1bq9HcG0m3bq0GQm6F0bJk6m0Yp2mVg3s8J5m2bS1J3n4Q0bW1n1m9Qw0Zk1WbQ.';

const STEPS: readonly (readonly [line: string, steps: readonly unknown[]])[] = [
  ['lang en_US', [{ locale: 'en_US.UTF-8' }]],
  ['keyboard --vckeymap=de --xlayouts=de', [{ keymap: 'de' }]],
  ['keyboard us', [{ keymap: 'us' }]],
  ['timezone --utc Europe/Berlin', [{ timezone: 'Europe/Berlin' }]],
  ['rootpw --lock', [{ 'root-password': 'locked' }]],
  ['rootpw --iscrypted nope', [{ 'root-password': 'locked' }]],
  [`rootpw --iscrypted ${HASH}`, [{ 'root-password': { hash: HASH } }]],
  ['rootpw geheim', [{ 'root-password': { secret: 'password-root' } }]],
  [
    'user --name=ann --groups=wheel,adm --uid=1200 --shell /bin/sh --lock --gecos="Ann E"',
    [
      {
        user: {
          name: 'ann',
          uid: '1200',
          groups: ['wheel', 'adm'],
          comment: 'Ann E',
          shell: '/bin/sh',
          locked: true,
        },
      },
    ],
  ],
  [
    `user --name=ann --iscrypted --password=${HASH}`,
    [{ user: { name: 'ann' } }, { password: { user: 'ann', password: { hash: HASH } } }],
  ],
  ['group --name=app --gid=990', [{ group: { name: 'app', gid: '990' } }]],
  [`sshkey --username=root "${KEY}"`, [{ 'ssh-key': { user: 'root', key: KEY } }]],
  ['network --hostname=web.example.org', [{ hostname: 'web.example.org' }]],
  ['network --bootproto=dhcp --device=link --activate', [{ network: { dhcp: true } }]],
  [
    'network --device=eth0 --ip=192.0.2.10 --netmask=255.255.255.0 --gateway=192.0.2.1 --nameserver=192.0.2.53',
    [{ network: { interface: 'eth0', address: '192.0.2.10/24', gateway: '192.0.2.1', dns: ['192.0.2.53'] } }],
  ],
  ['firewall --disabled', [{ service: { disable: 'firewalld' } }]],
  [
    'firewall --enabled --ssh --port=8080:tcp',
    [{ run: 'firewall-offline-cmd --add-service=ssh --add-port=8080/tcp' }],
  ],
  ['selinux --permissive', [{ selinux: 'permissive' }]],
  [
    'services --enabled=sshd,chronyd --disabled=kdump',
    [{ service: { enable: ['sshd', 'chronyd'], disable: ['kdump'] } }],
  ],
  ['bootloader --append="quiet net.ifnames=0"', [{ 'kernel-options': ['quiet', 'net.ifnames=0'] }]],
  ['module --name=nodejs --stream=20', [{ run: 'dnf -y module enable nodejs:20' }]],
  ['authselect select sssd', [{ run: 'authselect select sssd' }]],
  [
    '%packages\n@core\n@^server\nvim # an editor\n%end',
    [{ install: { packages: ['@core', '@^server', 'vim'], recommends: true } }],
  ],
  ['%packages --exclude-weakdeps\nvim\n%end', [{ install: { packages: ['vim'], recommends: false } }]],
  [
    '%addon com_redhat_kdump --disable\n%end',
    [{ run: 'systemctl disable kdump.service 2>/dev/null || true' }],
  ],
  ['%post --erroronfail\ntouch /a\n%end', [{ script: './post' }]],
];

for (const [line, steps] of STEPS) {
  test(line.replace(HASH, 'HASH').replace(KEY, 'KEY'), () => {
    assert.deepEqual(layerOf(imported(`${line}\n`), '10_web').steps, steps);
  });
}

test('no password is written anywhere', () => {
  const made = imported(
    'rootpw --plaintext geheim\nuser --name=ann --password=geheim\nautopart --encrypted --passphrase=geheim\n',
  );
  assert.deepEqual(layerOf(made, '10_web').secrets, ['password-root', 'password-ann']);
  assert.doesNotMatch(JSON.stringify(made), /geheim/);
});

test('a script that may fail does not end the layer, and one of the installer is not taken', () => {
  const made = imported(
    '%post --interpreter=/usr/bin/python3 --log=/root/log\nprint(1)\n%end\n%post --nochroot\ncp a b\n%end\n',
  );
  assert.equal(textOf(made, 'layers/10_web/post'), '#!/usr/bin/python3\nprint(1)\n');
  assert.deepEqual(layerOf(made, '10_web').steps, [
    { run: "./post || echo 'post failed, which the kickstart accepts' >&2" },
  ]);
  assert.deepEqual(
    shown(made.notes).map((note) => note.split(':', 3).join(':')),
    ['  web.ks:1: %post', '  web.ks:1: %post', '- web.ks:4: %post'],
  );
});

test('every command is a step, or noted: none is dropped without a word', () => {
  const arguments_: Readonly<Record<string, string>> = {
    lang: 'en_US',
    keyboard: 'us',
    timezone: 'UTC',
    user: '--name=a',
    group: '--name=a',
    sshkey: `--username=a "${KEY}"`,
    selinux: '--enforcing',
    services: '--enabled=a',
    bootloader: '--timeout=1',
    module: '--name=a',
    authselect: 'select minimal',
    xconfig: '--startxonboot',
  };
  for (const name of Object.keys(COMMANDS)) {
    const made = imported(`${name} ${arguments_[name] ?? ''}\n`);
    const { steps } = layerOf(made, '10_web');
    const isNothing = steps.length === 1 && steps[0]?.['run'] === 'true';
    assert.ok(made.notes.length > 0 || !isNothing, name);
  }
});

test('packages are installed before they are configured, and scripts come last', () => {
  const made = imported(
    '%post --erroronfail\ntrue\n%end\nservices --enabled=sshd\n%packages\nvim\n%end\nmodule --name=a\n',
  );
  const verbs = layerOf(made, '10_web').steps.flatMap((step) => Object.keys(step));
  assert.deepEqual(verbs, ['run', 'install', 'service', 'script']);
});

test('what is not imported says what to use, with its place; included files have their own', () => {
  const made = imported(
    'part / --size=5000 --grow\n%include repos/own.ks\nreboot\n%include gone.ks\n%packages\n-x\n-y\n%end\n',
  );
  assert.deepEqual(shown(made.notes), [
    '- web.ks:4: %include gone.ks: no such file',
    '- web.ks:5: %packages: -x -y: packages are left out by not naming them; an uninstall step removes those of a group',
    '- web.ks:1: part / --size=5000 --grow: the disk is that of the image below; a layer with "system" makes one from nothing, see docs/systems.md',
    '- own.ks:1: repo --name=own --baseurl=http://192.0.2.1/: add it with a repository step, which needs its key; or it is in the image already',
    '  web.ks:3: reboot: ignored: of the installer, which does not run',
  ]);
});

for (const [text, message] of [
  ['lnag en_US', 'unknown command "lnag"'],
  ['user --uid=5', 'user: requires --name'],
  ['selinux', 'selinux: requires --enforcing, --permissive or --disabled'],
  [
    'network --bootproto=static --ip=192.0.2.1 --netmask=255.0.255.0',
    'network: --netmask=255.0.255.0 is not a network mask',
  ],
] as const) {
  test(`an error with its place: ${message}`, () => {
    const result = tryImport(`text\n${text}\n`);
    assert.ok(!result.ok);
    assert.equal(result.failure.message, message);
    assert.deepEqual(result.failure.where, { file: 'web.ks', line: 2 });
  });
}
