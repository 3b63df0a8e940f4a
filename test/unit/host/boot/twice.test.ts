// Two copies of an image: how they are booted, what is read in them, and what is the same.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { compareIdentities, IDENTITY_SCRIPT } from '../../../../src/host/boot/guest/identity.ts';
import { bootTwice } from '../../../../src/host/boot/twice.ts';
import { fail, ok } from '../../../../src/model/failure.ts';
import type { ImageBooter, MachineOptions } from '../../../../src/model/ports/booter.ts';
import { createStyle } from '../../../../src/report/terminal/style.ts';
import { copiesText, sameFailure } from '../../../../src/report/text/copies.ts';
import { failureIn, Tree, valueIn } from '../../../rig/tree.ts';

const line = (...fields: readonly string[]) => `${fields.join('\t')}\n`;
const ID = '0123456789abcdef0123456789abcdef';

describe('what two guests have in common', () => {
  const common =
    line('machine-id', '/etc/machine-id', ID) +
    line('SSH host key', '/etc/ssh/ssh_host_rsa_key.pub', 'AAAA') +
    line('host name', '/etc/hostname', 'web');

  test('is an error, but for the host name', () => {
    const copies = compareIdentities(
      common + line('random seed', '/var/lib/systemd/random-seed', 'a'),
      common + line('random seed', '/var/lib/systemd/random-seed', 'b'),
    );
    assert.deepEqual(copies, {
      same: [
        { what: 'machine-id', file: '/etc/machine-id', value: ID },
        {
          what: 'SSH host key',
          file: '/etc/ssh/ssh_host_rsa_key.pub',
          // printf AAAA | base64 -d | sha256sum, in base64
          value: 'SHA256:cJ6AyISHokEeHuTfufIqhhSS0gxHZRUMDHlKvXD4FHw',
        },
      ],
      notes: [{ what: 'host name', file: '/etc/hostname', value: 'web' }],
      different: [{ what: 'random seed', file: '/var/lib/systemd/random-seed' }],
    });
    const text = copiesText(copies, createStyle(false)).split('\n');
    assert.match(text[0] ?? '', /^same +machine-id +\/etc\/machine-id +0123456789abcdef/);
    assert.match(text[3] ?? '', /^differs +random seed +\/var\/lib\/systemd\/random-seed$/);
    const failure = failureIn(sameFailure(copies));
    assert.equal(failure.kind, 'work');
    assert.equal(failure.message, 'two copies of the image have the same machine-id, SSH host key');
    assert.match(failure.hint ?? '', /\/etc\/machine-id, \/etc\/ssh\/ssh_host_rsa_key\.pub$/);
  });

  test('may be one of several values, and is nothing where nothing is', () => {
    const id = (value: string) => line('DHCP client id', 'networkctl', value);
    const { same, different } = compareIdentities(id('a') + id('b'), id('b') + id('c'));
    assert.deepEqual(
      same.map(({ value }) => value),
      ['b'],
    );
    assert.deepEqual(different, []);
    const empty = line('machine-id', '/etc/machine-id', 'uninitialized');
    const nothing = compareIdentities(empty, empty);
    assert.deepEqual(nothing, { same: [], notes: [], different: [] });
    assert.ok(sameFailure(nothing).ok);
    assert.equal(copiesText(nothing, createStyle(false)), 'nothing was found that identifies a machine');
  });
});

test('the script reads files of many systems, and prints no secret', () => {
  using tree = new Tree({
    'etc/machine-id': `${ID}\n`,
    'var/lib/dbus/machine-id': `${ID}\n`,
    'etc/ssh/ssh_host_ed25519_key.pub': 'ssh-ed25519 AAAA root@web\n',
    'etc/ssh/ssh_host_rsa_key.pub': 'ssh-rsa BBBB root@web\n',
    'etc/hostname': 'web\n',
    'etc/iscsi/initiatorname.iscsi': '# comment\nInitiatorName=iqn.1993-08.org.debian:01:abc\n',
    'var/lib/dhcp/dhclient.leases': 'default-duid "\\000\\001abc";\nlease { }\n',
    'var/lib/dhcpcd/duid': '00:01:02\n',
    'var/lib/systemd/random-seed': 'secret seed',
    'var/lib/NetworkManager/secret_key': 'secret key',
  });
  // The same script on other paths, with no systemd of this machine.
  const script = IDENTITY_SCRIPT.replace(/(?<=[ "])\/(etc|var)\//g, `${tree.directory}/$1/`).replace(
    /systemctl|networkctl(?= status)/g,
    'no-such-command',
  );
  const ran = spawnSync('/bin/sh', ['-c', script], { encoding: 'utf8' });
  assert.equal(ran.status, 0);
  const lines = ran.stdout.replaceAll(tree.directory, '').trim().split('\n');
  assert.deepEqual(
    lines.map((text) => text.split('\t').slice(0, 2).join(' ')),
    [
      'machine-id /etc/machine-id',
      'machine-id /var/lib/dbus/machine-id',
      'SSH host key /etc/ssh/ssh_host_ed25519_key.pub',
      'SSH host key /etc/ssh/ssh_host_rsa_key.pub',
      'host name /etc/hostname',
      'DHCP client id /var/lib/dhcp/dhclient.leases',
      'DHCP client id /var/lib/dhcpcd/duid',
      'NetworkManager secret key /var/lib/NetworkManager/secret_key',
      'random seed /var/lib/systemd/random-seed',
      'iSCSI initiator name /etc/iscsi/initiatorname.iscsi',
    ],
  );
  assert.doesNotMatch(ran.stdout, /secret (seed|key)$/m);
  const values = compareIdentities(ran.stdout, ran.stdout).same.map(({ value }) => value);
  assert.equal(values.length, 9);
  assert.ok(values.includes('iqn.1993-08.org.debian:01:abc') && values.includes('\\000\\001abc'));
});

describe('copies', () => {
  const machine: MachineOptions = {
    image: 'x',
    memoryMiB: 1024,
    cards: [{ model: 'e1000', mac: '52:54:00:1:2:3' }],
  };
  const silent = { note: () => {}, console: () => {}, commandOutput: () => {} };

  /** Boots whose commands print their MAC address. */
  function booter(failing?: string) {
    const log: string[] = [];
    const machines: MachineOptions[] = [];
    const check: ImageBooter['check'] = async (options, _wanted, listener, signal) => {
      const mac = options.cards?.[0]?.mac ?? '';
      machines.push(options);
      log.push(`begin ${mac.slice(-5)}`);
      await new Promise((resolve) => setTimeout(resolve, mac.endsWith('01:01') ? 20 : 40));
      log.push(`end ${mac.slice(-5)}`);
      if (signal.aborted) return fail('interrupted', 'stopped');
      if (mac.endsWith(failing ?? 'none')) return fail('work', 'panic');
      const stdout = Buffer.from(line('machine-id', '/etc/machine-id', ID) + line('random seed', 'f', mac));
      listener.commandOutput({ stdout, stderr: Buffer.alloc(0) }, 0);
      return ok({ secondsToReady: 1, matched: undefined });
    };
    return { check, log, machines };
  }

  const signal = new AbortController().signal;

  test('are booted at once, as different machines', async () => {
    const { check, log, machines } = booter();
    const copies = valueIn(await bootTwice(check, machine, {}, silent, signal, 4096));
    assert.deepEqual(log, ['begin 01:01', 'begin 02:01', 'end 01:01', 'end 02:01']);
    assert.equal(new Set(machines.map(({ uuid }) => uuid)).size, 2);
    assert.deepEqual(
      machines.map(({ cards }) => cards?.[0]?.model),
      ['e1000', 'e1000'],
    );
    assert.deepEqual([copies.same.length, copies.different.length], [1, 1]);
  });

  test('one after the other without the memory for both', async () => {
    const { check, log } = booter();
    const notes: string[] = [];
    const listener = { ...silent, note: (text: string) => notes.push(text) };
    valueIn(await bootTwice(check, machine, {}, listener, signal, 2048));
    assert.deepEqual(log, ['begin 01:01', 'end 01:01', 'begin 02:01', 'end 02:01']);
    assert.match(notes.join(), /one after the other/);
  });

  test('fail as the one that failed, which stops the other', async () => {
    for (const copy of ['01:01', '02:01']) {
      const { check } = booter(copy);
      assert.equal(failureIn(await bootTwice(check, machine, {}, silent, signal, 4096)).message, 'panic');
    }
  });
});
