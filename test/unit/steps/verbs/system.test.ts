// The steps on the system as a whole: what they write for each distribution, and what they refuse.

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { changeKernelOptions } from '../../../../src/distro/boot-loader.ts';
import {
  ALPINE,
  ARCH,
  CENTOS7,
  compile,
  DEBIAN,
  LEAP,
  layerOf,
  ROCKY,
  refusalOf,
  shellOf,
  TRIXIE,
} from '../../../rig/steps/compiled.ts';
import { inSandbox } from '../../../rig/steps/run.ts';

test('hostname, timezone, locale, keymap', () => {
  for (const [verb, args, distribution, expected] of [
    ['hostname', 'web', ROCKY, /^echo web >\/etc\/hostname$/],
    ['hostname', 'web.example.org', DEBIAN, /'127\.0\.1\.1 web\.example\.org web' >>\/etc\/hosts$/],
    ['timezone', 'America/Argentina/Ushuaia', TRIXIE, /\[ ! -e \/etc\/timezone \] \|\|/],
    ['timezone', 'UTC', DEBIAN, /\necho UTC >\/etc\/timezone$/],
    ['locale', 'C.UTF-8', DEBIAN, /^echo LANG=C\.UTF-8 >\/etc\/default\/locale$/],
    ['locale', 'C.UTF-8', TRIXIE, /^echo LANG=C\.UTF-8 >\/etc\/locale\.conf\nln -sfT/],
    ['locale', 'de_DE.UTF-8', ARCH, /\nlocale-gen\necho LANG=de_DE\.UTF-8 >\/etc\/locale\.conf$/],
    ['locale', 'de_DE.UTF-8', LEAP, /install glibc-langpack-de or glibc-locale/],
    ['locale', 'C.UTF-8', ALPINE, /profile\.d/],
    ['keymap', 'de-nodeadkeys', ROCKY, /^echo KEYMAP=de-nodeadkeys >\/etc\/vconsole\.conf$/],
    ['keymap', 'us', DEBIAN, /XKBLAYOUT="us"\nXKBVARIANT=""/],
    ['keymap', 'de-nodeadkeys', ALPINE, /^setup-keymap de de-nodeadkeys$/],
  ] as const) {
    assert.match(shellOf(verb, args, { distribution }), expected, `${verb} ${distribution.id}`);
  }
  for (const [verb, wrong] of [
    ['hostname', ['a b', '-a', 'a_b', 'a..b', '$(id)', 'a'.repeat(65), '']],
    ['timezone', ['../../etc/passwd', '/etc/passwd', 'Europe/$(id)', '-x', 'a/b/c/d']],
    ['locale', ['de_DE', 'de_DE.ISO-8859-1', 'x;id', 'LANG=C']],
    ['keymap', ['de"', '-x', 'a b']],
  ] as const) {
    for (const args of wrong) assert.match(refusalOf(verb, args), /^must /, args);
  }
});

suite('network', () => {
  const STATIC = {
    interface: 'eth0',
    address: ['192.0.2.10/24', '2001:db8::10/64'],
    gateway: ['192.0.2.1', '2001:db8::1'],
    dns: '192.0.2.53',
    domain: ['example.org', 'example.com'],
  };

  for (const [by, expected] of [
    [
      'networkd',
      /^Address=192\.0\.2\.10\/24\nAddress=2001:db8::10\/64\nGateway=192\.0\.2\.1\nGateway=2001:db8::1\nDNS=192\.0\.2\.53\nDomains=example\.org example\.com$/m,
    ],
    [
      'netplan',
      / {6}addresses: \['192\.0\.2\.10\/24', '2001:db8::10\/64'\]\n {6}routes:\n {8}- \{ to: '0\.0\.0\.0\/0', via: '192\.0\.2\.1' \}\n {8}- \{ to: '::\/0', via: '2001:db8::1' \}/,
    ],
    [
      'NetworkManager',
      /\[ipv4\]\nmethod=manual\naddress1=192\.0\.2\.10\/24\ngateway=192\.0\.2\.1\ndns=192\.0\.2\.53;\ndns-search=example\.org;example\.com;\n\n\[ipv6\]\nmethod=manual\naddress1=2001:db8::10\/64\ngateway=2001:db8::1\n/,
    ],
    [
      'ifupdown',
      /auto eth0\niface eth0 inet static\n {4}address 192\.0\.2\.10\/24\n {4}gateway 192\.0\.2\.1\n[\s\S]*iface eth0 inet6 static\n {4}address 2001:db8::10\/64\n {4}gateway 2001:db8::1\n/,
    ],
    [
      'ifcfg',
      /BOOTPROTO=none\nIPADDR=192\.0\.2\.10\nPREFIX=24\nGATEWAY=192\.0\.2\.1\nIPV6INIT=yes\nIPV6ADDR=2001:db8::10\/64\nIPV6_DEFAULTGW=2001:db8::1\nDNS1=192\.0\.2\.53\nDOMAIN="example\.org example\.com"\n/,
    ],
    ['wicked', /BOOTPROTO='static'\nIPADDR='192\.0\.2\.10\/24'\nIPADDR_1='2001:db8::10\/64'\n/],
  ] as const) {
    test(by, () => assert.match(shellOf('network', { ...STATIC, by }), expected));
  }

  test('the program is found in the image', () => {
    const programs = (distribution: typeof DEBIAN) =>
      [...shellOf('network', STATIC, { distribution }).matchAll(/^(?:if|elif) (.*); then$/gm)].map(
        ([, is]) => is,
      );
    assert.match(programs(DEBIAN).join(), /netplan.*NetworkManager.*ifup.*networkd/);
    assert.match(programs(CENTOS7)[0] ?? '', /network-scripts/);
    assert.match(programs(ROCKY)[0] ?? '', /NetworkManager/);
    assert.match(programs(LEAP)[0] ?? '', /wicked/);
    assert.deepEqual(programs(ALPINE), ['command -v ifup >/dev/null']);
  });

  test('what ifupdown has for the interface is replaced', () => {
    const shell = shellOf('network', { interface: 'eth0', dhcp: true, by: 'ifupdown' });
    inSandbox(({ image, run, text, write }) => {
      write(
        'etc/network/interfaces',
        'auto lo\niface lo inet loopback\n\nallow-hotplug eth0\niface eth0 inet static\n  address 192.0.2.1/24\n\nauto eth1\niface eth1 inet dhcp\n',
      );
      run('run', shell.replaceAll('/etc/', `${image}/etc/`));
      assert.equal(
        text('etc/network/interfaces'),
        `auto lo\niface lo inet loopback\n\nauto eth1\niface eth1 inet dhcp\nsource ${image}/etc/network/interfaces.d/*\n`,
      );
      assert.equal(text('etc/network/interfaces.d/eth0'), 'auto eth0\niface eth0 inet dhcp\n');
    });
  });

  test('old names of interfaces', () => {
    assert.match(shellOf('network', { dhcp: true, 'predictable-names': false }), /net\.ifnames=0/);
  });

  test('what it refuses', () => {
    for (const [args, message] of [
      [{ address: '192.0.2.10' }, /prefix length/],
      [{ address: '192.0.2.10/33' }, /prefix length/],
      [{ address: '192.0.2.10/24\nDNS=x/1' }, /prefix length/],
      [{ address: '192.0.2.1/24', gateway: 'example.org' }, /IP address/],
      [{ address: '192.0.2.1/24', gateway: 'fe80::1%$(id)' }, /IP address/],
      [{ address: '192.0.2.1/24', gateway: ['192.0.2.1', '192.0.2.2'] }, /at most one gateway/],
      [{ gateway: '192.0.2.1', dhcp: true }, /needs an "address"/],
      [{ dhcp: true, interface: '../x' }, /name of an interface/],
      [{ dhcp: true, domain: 'a b' }, /must be a domain/],
      [{}, /either "address" or "dhcp: true"/],
      ['static', /must be dhcp/],
    ] as const) {
      assert.match(refusalOf('network', args), message, JSON.stringify(args));
    }
  });
});

test('service', () => {
  const files = layerOf({ 'units/app.service': '[Service]\n', 'x.conf': '' });
  assert.equal(
    shellOf('service', { unit: 'units/app.service', enable: 'app' }, { files }),
    'rm -f /etc/systemd/system/app.service\ncp units/app.service /etc/systemd/system/app.service\nchmod 0644 /etc/systemd/system/app.service\nsystemctl enable app',
  );
  assert.match(refusalOf('service', { unit: 'x.conf' }, { files }), /not the name of a unit/);
  assert.match(refusalOf('service', { unit: 'none.service' }, { files }), /no such file/);
  assert.match(refusalOf('service', { enable: ['--root=/'] }), /name of a service/);
  assert.match(refusalOf('service', {}), /must have unit/);
  assert.equal(
    shellOf('service', { enable: ['a', 'b'] }, { distribution: ALPINE }),
    'rc-update add a default\nrc-update add b default',
  );
  assert.match(refusalOf('service', { mask: 'a' }, { distribution: ALPINE }), /OpenRC/);
});

suite('kernel-options', () => {
  /** Runs the lines for one boot loader on files of a sandbox. */
  function changed(distribution: typeof DEBIAN, file: string, before: string, options: object): string {
    const shell = changeKernelOptions(distribution, { add: [], remove: [], ...options });
    let after = '';
    inSandbox(({ image, run, text, write }) => {
      write(file, before);
      const inImage = shell
        .replaceAll(/\/(?:etc|boot|efi)\//g, `${image}$&`)
        .replaceAll('update-extlinux\n', ':\n');
      run('run', inImage.replaceAll('command -v update-grub', 'false'));
      after = text(file);
    });
    return after;
  }

  test('GRUB', () => {
    assert.equal(
      changed(
        ARCH,
        'etc/default/grub',
        'GRUB_CMDLINE_LINUX_DEFAULT="quiet splash quiet"\nGRUB_CMDLINE_LINUX=\'console=tty0 a=quiet console=ttyS0\'\n',
        {
          add: ['x=1'],
          remove: ['quiet', 'console'],
        },
      ),
      'GRUB_CMDLINE_LINUX_DEFAULT=" splash "\nGRUB_CMDLINE_LINUX=\' a=quiet \'\nGRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX x=1"\n',
    );
    assert.equal(
      changed(DEBIAN, 'etc/default/grub', 'GRUB_CMDLINE_LINUX="a=1 a=2"\n# a=1\n', { remove: ['a=1'] }),
      'GRUB_CMDLINE_LINUX=" a=2"\n# a=1\n',
    );
  });

  test('entries of systemd-boot, extlinux, grubby', () => {
    assert.equal(
      changed(ARCH, 'boot/loader/entries/a.conf', 'title a quiet\noptions\troot=UUID=1 quiet\n', {
        add: ['b&c=1'],
        remove: ['quiet'],
      }),
      'title a quiet\noptions\troot=UUID=1  b&c=1\n',
    );
    assert.equal(
      changed(ALPINE, 'etc/update-extlinux.conf', 'default_kernel_opts="quiet rootfstype=ext4"\n', {
        add: ['a=1'],
        remove: ['quiet'],
      }),
      'default_kernel_opts=" rootfstype=ext4 a=1"\n',
    );
    assert.match(
      shellOf('kernel-options', { add: ['a', 'b'], remove: 'quiet' }, { distribution: ROCKY }),
      /grubby --update-kernel=ALL --remove-args=quiet --args='a b'$/m,
    );
  });

  test('what it refuses', () => {
    for (const wrong of ['a b', 'a"', "a'", '$(id)', '`id`', 'a\\', '-a', '']) {
      assert.match(refusalOf('kernel-options', [wrong]), /^must be an option/, wrong);
    }
  });
});

suite('firstboot and firstlogin', () => {
  const files = layerOf({ 'r.sh': 'echo', 's p.py': '#!/usr/bin/python3\n' });

  test('a script keeps its interpreter; a command has /bin/sh -eu', () => {
    assert.match(
      shellOf('firstboot', './r.sh', { files }),
      /\$\(\(\$\(ls \S+ \| wc -l\) \+ 1\)\) r\.sh\)\nmkdir "\$place"\necho 3 >"\$place\/retries"\n\{ echo '#!\/bin\/sh -eu'; cat r\.sh; \} >"\$place\/script"\nchmod 0755 "\$place\/script"$/,
    );
    assert.match(
      shellOf('firstboot', { script: 's p.py', retries: '0' }, { files }),
      / s_p\.py\)\nmkdir "\$place"\necho 0 >"\$place\/retries"\ncat 's p\.py' >"\$place\/script"\n/,
    );
    assert.match(shellOf('firstboot', { command: 'id', network: true }), /network-online\.target/);
    assert.doesNotMatch(shellOf('firstboot', { command: 'id' }), /network-online\.target/);
    assert.match(
      shellOf('firstboot', { command: 'id' }, { distribution: ALPINE }),
      /rc-update add vlb-firstboot/,
    );
    assert.match(refusalOf('firstboot', { script: 'r.sh', command: 'id' }), /either script or command/);
    assert.match(refusalOf('firstboot', './none', { files }), /no such file/);
    assert.match(refusalOf('firstlogin', { command: 'id', user: '../x' }), /name of a user/);
  });

  test('each script runs until it succeeds, and in order', () => {
    inSandbox(({ image, run, text, write, fails }) => {
      const at = (shell: string) =>
        shell.replaceAll(/\/(?:var\/lib|usr\/lib|etc)\//g, `${image}$&`).replaceAll('systemctl', ':');
      const add = (args: object) =>
        run('run', at(`mkdir -p /etc/systemd/system; ${shellOf('firstboot', args)}`));
      add({ command: `echo one >>${image}/out` });
      add({ command: `echo two >>${image}/out; [ -e ${image}/ready ]`, retries: '1' });
      add({ command: `echo three >>${image}/out; exit 3`, retries: '0' });
      add({ command: `echo four >>${image}/out` });
      const boot = `${image}/usr/lib/vlb/firstboot`;
      assert.match(fails('run', boot), /firstboot: 002-command failed, and runs again at the next boot/);
      assert.equal(text('out'), 'one\ntwo\n');
      write('ready', '');
      assert.match(fails('run', boot), /firstboot: 003-command failed, and does not run again/);
      assert.equal(text('out'), 'one\ntwo\ntwo\nthree\nfour\n');
      run('run', boot);
      assert.equal(text('out'), 'one\ntwo\ntwo\nthree\nfour\n');
    });
  });

  test('a first log-in is one of each user', () => {
    inSandbox(({ image, run, text }) => {
      const at = (shell: string) => shell.replaceAll(/\/(?:usr\/lib|etc)\//g, `${image}$&`);
      run('run', at(shellOf('firstlogin', { command: `echo all >>${image}/out` })));
      run('run', at(shellOf('firstlogin', { command: `echo other >>${image}/out`, user: 'other' })));
      for (let times = 0; times < 2; times++) {
        run(
          'run',
          `export HOME=${image}/home; sh -c 'set -i; . ${image}/etc/profile.d/vlb-firstlogin.sh' 2>/dev/null || sh -i -c '. ${image}/etc/profile.d/vlb-firstlogin.sh'`,
        );
      }
      assert.equal(text('out'), 'all\n');
    });
  });
});

test('selinux and guest-agent', () => {
  assert.match(
    shellOf('selinux', 'permissive'),
    /\nsed -i 's\/\^SELINUX=\.\*\/SELINUX=permissive\/' \/etc\/selinux\/config$/,
  );
  assert.match(shellOf('selinux', { relabel: true }), /touch \/\.autorelabel/);
  assert.match(refusalOf('selinux', 'off'), /valid values: enforcing, permissive, disabled/);
  assert.match(refusalOf('selinux', {}), /must have mode/);
  assert.match(shellOf('guest-agent', ['qemu', 'vmware']), /install qemu-guest-agent open-vm-tools$/);
  assert.match(
    shellOf('guest-agent', { for: ['cloud'] }, { distribution: LEAP }),
    /systemctl enable "\$service"; fi\ndone$/,
  );
  assert.match(shellOf('guest-agent', 'qemu', { distribution: ALPINE }), /rc-update add "\$service" default/);
  assert(!compile('guest-agent', 'xen').ok);
});
