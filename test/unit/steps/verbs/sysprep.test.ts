// sysprep: each operation, on a directory in the place of an image that has everything, and on one that has nothing.

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { suite, test } from 'node:test';
import { OPERATIONS } from '../../../../src/steps/sysprep/registry.ts';
import { refusalOf, shellOf } from '../../../rig/steps/compiled.ts';
import { inSandbox, type Sandbox } from '../../../rig/steps/run.ts';

/** The operations of virt-sysprep(1) 1.56, without customize and script, which are not about an image's content. */
const VIRT_SYSPREP =
  'abrt-data backup-files bash-history blkid-tab ca-certificates crash-data cron-spool dhcp-client-state dhcp-server-state dovecot-data firewall-rules flag-reconfiguration fs-uuids ipa-client kerberos-data kerberos-hostkeytab logfiles lvm-system-devices lvm-uuids machine-id mail-spool net-hostname net-hwaddr net-nmconn pacct-log package-manager-cache pam-data passwd-backups puppet-data-log rh-subscription-manager rhn-systemid rpm-db samba-db-log smolt-uuid ssh-hostkeys ssh-userdir sssd-db-log tmp-files udev-persistent-net user-account utmp yum-uuid zsh-history'.split(
    ' ',
  );

/** Files of an image, each with what is left of it by the default operations: its text, or nothing. */
const FILES: Readonly<Record<string, string | undefined>> = {
  'etc/machine-id': '',
  'etc/ssh/ssh_host_ed25519_key': undefined,
  'etc/ssh/sshd_config': 'x',
  'var/lib/systemd/random-seed': undefined,
  'var/lib/systemd/credential.secret': undefined,
  'boot/efi/loader/random-seed': undefined,
  'var/lib/NetworkManager/secret_key': undefined,
  'var/lib/NetworkManager/NetworkManager.state': 'x',
  'etc/nvme/hostid': undefined,
  'etc/iscsi/initiatorname.iscsi': undefined,
  'etc/lvm/devices/system.devices': undefined,
  'etc/udev/rules.d/70-persistent-net.rules': undefined,
  'etc/udev/rules.d/80-own.rules': 'x',
  'var/lib/dhcp/dhclient.eth0.leases': undefined,
  'var/lib/cloud/instance/user-data.txt': undefined,
  'etc/NetworkManager/system-connections/eth0.nmconnection': 'x',
  'var/log/journal/0123/system.journal': undefined,
  'var/log/nginx/access.log': '',
  'var/log/nginx/access.log.1': undefined,
  'var/log/messages-20261127': undefined,
  'var/log/wtmp': '',
  'root/.bash_history': undefined,
  'home/ann b/.bash_history': undefined,
  'home/ann b/.zsh_history': undefined,
  'home/ann b/.bashrc': 'x',
  'root/.ssh/authorized_keys': 'x',
  'var/mail/root': undefined,
  'var/spool/cron/crontabs/root': undefined,
  'var/spool/cron/ann': undefined,
  'etc/hosts~': undefined,
  'srv/app.bak': undefined,
  'var/cache/apt/archives/a.deb': undefined,
  'var/cache/libdnf5/x/y': undefined,
  'var/lib/apt/lists/InRelease': undefined,
  'var/lib/dpkg/status': 'x',
  'var/tmp/-x': undefined,
  'etc/shadow-': undefined,
  'etc/shadow': 'x',
  'etc/krb5.keytab': undefined,
  'etc/pki/consumer/cert.pem': undefined,
  'etc/pki/tls/certs/ca-bundle.crt': 'x',
  'var/crash/core': undefined,
};

/** Runs a step in the sandbox instead of the machine. Programs that change more than files do nothing. */
function runIn({ image, write, run }: Sandbox, args: unknown): void {
  for (const name of ['mount', 'systemctl', 'userdel']) {
    run('chmod', { path: write(`bin/${name}`, '#!/bin/sh\n[ "$1" = enable ]\n'), mode: '0755' });
  }
  const inImage =
    /(?<![\w$}"/.*-])\/(?=(?:etc|var|root|home|boot|efi|tmp|run|usr|lib|srv|\.unconfigured)\b)/g;
  run('run', `PATH=${image}/bin:$PATH\n${shellOf('sysprep', args).replaceAll(inImage, `${image}/`)}`);
}

suite('sysprep', () => {
  test('the operations have the names of virt-sysprep', () => {
    const missing = VIRT_SYSPREP.filter(
      (name) =>
        !OPERATIONS.some((operation) => operation.name === name) &&
        !/is not supported: /.test(refusalOf('sysprep', { only: name })),
    );
    assert.deepEqual(missing, []);
    assert.equal(new Set(OPERATIONS.map(({ name }) => name)).size, OPERATIONS.length);
    assert.equal(OPERATIONS.at(-1)?.name, 'machine-id');
  });

  test('by default, all that belongs to one machine goes, and nothing else', () => {
    inSandbox((sandbox) => {
      for (const name of Object.keys(FILES)) sandbox.write(name, 'x');
      sandbox.write('var/lib/dbus/machine-id', 'x');
      runIn(sandbox, 'default');
      const left = Object.keys(FILES).map((name) => {
        const file = path.join(sandbox.image, name);
        return [name, existsSync(file) ? readFileSync(file, 'utf8') : undefined];
      });
      assert.deepEqual(Object.fromEntries(left), FILES);
      assert(existsSync(path.join(sandbox.image, 'var/log/nginx')));
    });
  });

  test('each operation alone, on an image that has nothing', () => {
    for (const { name } of OPERATIONS) {
      if (name === 'user-account' || name === 'flag-reconfiguration') continue;
      inSandbox((sandbox) => {
        for (const directory of ['var/log', 'var/tmp', 'run'])
          mkdirSync(path.join(sandbox.image, directory), { recursive: true });
        runIn(sandbox, { only: name });
        assert.deepEqual(readdirSync(sandbox.image).sort(), ['bin', 'run', 'var'], name);
      });
    }
  });

  test('a unit makes SSH host keys where that of the image does not make them at every boot', () => {
    for (const [unit, isMade] of [
      [undefined, true],
      ['[Unit]\nConditionFirstBoot=yes\n', true], // Debian 13
      ['[Unit]\nConditionFileNotEmpty=|!/etc/ssh/ssh_host_%i_key\n', false], // EL
    ] as const) {
      inSandbox((sandbox) => {
        const { image, run, write } = sandbox;
        run('chmod', { path: write('usr/sbin/sshd', '#!/bin/sh\n'), mode: '0755' });
        mkdirSync(path.join(image, 'etc/systemd/system'), { recursive: true });
        if (unit !== undefined) write('usr/lib/systemd/system/sshd-keygen.service', unit);
        runIn(sandbox, { only: 'ssh-hostkeys' });
        assert.equal(existsSync(path.join(image, 'etc/systemd/system/ssh-hostkeys.service')), isMade, unit);
      });
    }
  });

  test('names of operations and groups choose', () => {
    const names = (args: unknown) =>
      [...shellOf('sysprep', args).matchAll(/^# ([a-z-]+): /gm)].map(([, name]) => name);
    assert.deepEqual(names({ only: ['machine-id', 'ssh-hostkeys'] }), ['ssh-hostkeys', 'machine-id']);
    assert.deepEqual(names({ only: 'histories', except: 'zsh-history' }), [
      'bash-history',
      'backup-files',
      'passwd-backups',
    ]);
    assert(!names('default').includes('ssh-userdir'));
    assert(names({ only: ['default', 'ssh-userdir'] }).includes('ssh-userdir'));
    assert.deepEqual(names({ except: ['fs-uuids', 'customize'] }), names('default'));
    assert.match(refusalOf('sysprep', { only: 'machine-di' }), /did you mean machine-id/);
    assert.match(refusalOf('sysprep', { only: 'fs-uuids' }), /it breaks \/etc\/fstab/);
    assert.match(refusalOf('sysprep', 'all'), /must be default/);
  });

  test('user-account takes those between UID_MIN and UID_MAX', () => {
    inSandbox(({ image, run, text, write }) => {
      write('etc/login.defs', '#UID_MIN 5\nUID_MIN\t\t1000\nUID_MAX 60000\n');
      for (const [name, body] of [
        [
          'getent',
          "printf '%s\\n' root:x:0:0::/root:/bin/sh ann:x:1000:1:Ann:/home/ann:/bin/sh nobody:x:65534:1::/:/bin/false",
        ],
        ['userdel', `echo "$@" >>${image}/deleted`],
      ]) {
        run('chmod', { path: write(`bin/${name}`, `#!/bin/sh\n${body}\n`), mode: '0755' });
      }
      const shell = shellOf('sysprep', { only: 'user-account' }).replaceAll('/etc/', `${image}/etc/`);
      run('run', `PATH=${image}/bin:$PATH\n${shell}`);
      assert.equal(text('deleted'), '-r -f ann\n');
    });
  });
});
