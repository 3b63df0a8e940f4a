// The steps on packages, for each package manager.

import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import type { Distribution } from '../../../../src/distro/distribution.ts';
import { keyFingerprints } from '../../../../src/distro/packages/openpgp.ts';
import {
  ALPINE,
  ARCH,
  CENTOS7,
  compile,
  DEBIAN,
  FEDORA,
  LEAP,
  layerOf,
  ROCKY,
  refusalOf,
  shellOf,
  UBUNTU,
} from '../../../rig/steps/compiled.ts';

/** The lines after those that every step of the manager begins with. */
function lastLines(verb: string, args: unknown, distribution: Distribution): string {
  const shell = shellOf(verb, args, { distribution });
  const lines = shell.replaceAll(' \\\n  ', ' ').split('\n');
  return lines
    .filter((line) =>
      /^(apt-get .* (install|upgrade|remove)|dnf|yum|zypper .* (install|update|remove)|apk|pacman|rm)\b/.test(
        line,
      ),
    )
    .join('; ');
}

suite('install', () => {
  const args = { packages: ['nginx', 'jq=1.6'] };
  for (const [distribution, command] of [
    [DEBIAN, 'apt-get -q -y --no-install-recommends install nginx jq=1.6'],
    [UBUNTU, 'apt-get -q -y --no-install-recommends install nginx jq=1.6'],
    [
      ROCKY,
      'dnf -y --refresh --setopt=cachedir=/var/cache/vlb/dnf --setopt=keepcache=True --setopt=install_weak_deps=False install nginx jq-1.6',
    ],
    [
      FEDORA,
      'dnf -y --refresh --setopt=system_cachedir=/var/cache/vlb/dnf5 --setopt=keepcache=True --setopt=install_weak_deps=False install nginx jq-1.6',
    ],
    [
      CENTOS7,
      'yum -y --setopt=skip_missing_names_on_install=False --setopt=metadata_expire=0 --setopt=cachedir=/var/cache/vlb/yum --setopt=keepcache=1 install nginx jq-1.6',
    ],
    [LEAP, 'zypper --non-interactive --cache-dir /var/cache/vlb/zypp install --no-recommends nginx jq=1.6'],
    [ALPINE, 'apk add --cache-dir /var/cache/vlb/apk --update-cache nginx jq=1.6'],
  ] as const) {
    test(`${distribution.id} ${distribution.version}`, () => {
      assert.equal(lastLines('install', args, distribution), command);
    });
  }

  test('pacman has no versions, and leaves no lists', () => {
    assert.equal(
      refusalOf('install', args, { distribution: ARCH }),
      'pacman cannot install version 1.6 of jq',
    );
    assert.equal(
      lastLines('install', 'jq', ARCH),
      'pacman -Syu --noconfirm --needed --cachedir /var/cache/vlb/pacman jq; rm -rf /var/lib/pacman/sync',
    );
  });

  test('recommends', () => {
    const wanted = { packages: 'jq', recommends: true };
    assert.match(lastLines('install', wanted, DEBIAN), /--install-recommends install jq$/);
    assert.match(lastLines('install', wanted, ROCKY), /install_weak_deps=True install jq$/);
    assert.match(lastLines('install', wanted, LEAP), /install --recommends jq$/);
  });

  test('files of the layer', () => {
    const files = layerOf({ 'debs/-a b.deb': '', 'debs/c.deb': '', 'debs/c.txt': '' });
    assert.match(
      shellOf('install', ['./debs/*.deb', 'jq'], { files }),
      /install '\.\/debs\/-a b\.deb' \.\/debs\/c\.deb jq$/,
    );
    assert.equal(
      refusalOf('install', './debs/*.rpm', { files }),
      'no file of the layer matches "./debs/*.rpm"',
    );
    assert.match(
      shellOf('install', './debs/c.deb', { files, distribution: ALPINE }),
      /--allow-untrusted \.\/debs\/c\.deb$/,
    );
  });

  test('what is not a package is refused', () => {
    for (const name of ['-y', '--force', 'a b', 'a;b', '$(id)', 'nginx-', 'a\nb', '', 'a=-1', './../x.deb']) {
      assert.match(refusalOf('install', [name]), /^must /, name);
    }
    for (const name of ['g++', 'libstdc++6', 'perl(Foo::Bar)', '@core', 'libc6:i386', '/usr/bin/git']) {
      assert(compile('install', name).ok, name);
    }
    assert.match(
      refusalOf('install', { package: 'jq' }),
      /unknown field "package" \(did you mean packages\?\)/,
    );
    assert.equal(refusalOf('install', []), 'must not be empty');
  });

  test('a distribution that is not known', () => {
    const distribution = { id: 'plan9', like: [], version: '4', codename: undefined };
    assert.equal(refusalOf('install', 'jq', { distribution }), 'the package manager of plan9 4 is not known');
  });
});

test('uninstall and update', () => {
  for (const [distribution, uninstall, all, one] of [
    [
      DEBIAN,
      'apt-get -q -y --purge --autoremove remove jq',
      'apt-get -q -y upgrade --with-new-pkgs',
      'apt-get -q -y install --only-upgrade --no-install-recommends jq',
    ],
    [CENTOS7, 'yum -y remove jq', /^yum -y .* update$/, /^yum -y .* update jq$/],
    [ROCKY, 'dnf -y remove jq', /^dnf -y .* upgrade$/, /^dnf -y .* upgrade jq$/],
    [LEAP, 'zypper --non-interactive remove --clean-deps jq', / update --no-recommends$/, / update .* jq$/],
    [ALPINE, 'apk del jq', /^apk upgrade .*--update-cache$/, /^apk add --upgrade .* jq$/],
    [ARCH, 'pacman -Rns --noconfirm jq', /^pacman -Syu .*; rm -rf/, undefined],
  ] as const) {
    const texts = [
      lastLines('uninstall', 'jq', distribution),
      lastLines('update', 'all', distribution),
      one && lastLines('update', ['jq'], distribution),
    ];
    for (const [index, expected] of [uninstall, all, one].entries()) {
      if (typeof expected === 'string') assert.equal(texts[index], expected);
      else if (expected) assert.match(texts[index] ?? '', expected);
    }
  }
  assert.equal(refusalOf('update', ['jq'], { distribution: ARCH }), 'pacman cannot update single packages');
  assert.equal(refusalOf('update', 'jq'), 'must be "all", or a list of packages');
});

/** Made by gpg (Ed25519); a key that signs nothing. */
const KEY = `-----BEGIN PGP PUBLIC KEY BLOCK-----

mDMEawkeRBYJKwYBBAHaRw8BAQdAxyMOaxDf0KT4TAyWazwvqWb+kaDECCOaLBAw
TDjEZgC0F3Rlc3QgPHRlc3RAZXhhbXBsZS5vcmc+iJAEExYIADgWIQQNDhkE+Wx7
9u30kKIdCkQm1QAmJQUCawkeRAIbAwULCQgHAgYVCgkICwIEFgIDAQIeAQIXgAAK
CRAdCkQm1QAmJZIbAQC7+rWH/vypb99ljbjmvlo196qTHwGfks6hvfvDeA384gD/
YShbYXqN9tNJsY0+xM/TnZGnnVCQ1EM6H9ZXs/fKxQo=
=XfSX
-----END PGP PUBLIC KEY BLOCK-----
`;

const FINGERPRINT = '0D0E1904F96C7BF6EDF490A21D0A4426D5002625';

suite('repository', () => {
  const url = 'https://packages.example.org/debian';
  const remote = { url: 'https://example.org/key.asc', sha256: 'AB'.repeat(32) };

  test('deb822, signed by a key of a URL', () => {
    const shell = shellOf('repository', { name: 'example', url, key: remote });
    assert.match(shell, new RegExp(`^file=/var/cache/vlb/downloads/${'ab'.repeat(32)}$`, 'm'));
    assert.match(shell, /^cp "\$file" \/etc\/apt\/keyrings\/example\.asc$/m);
    assert(
      shell.endsWith(
        `cat >/etc/apt/sources.list.d/example.sources <<'EOF'\nTypes: deb\nURIs: ${url}\nSuites: bookworm\nComponents: main\nSigned-By: /etc/apt/keyrings/example.asc\nEOF`,
      ),
      shell,
    );
  });

  test('a .repo', () => {
    const shell = shellOf('repository', { name: 'example', url, key: remote }, { distribution: ROCKY });
    assert.match(shell, /^rpm --import \/etc\/pki\/rpm-gpg\/RPM-GPG-KEY-example$/m);
    assert.match(
      shell,
      /cat >\/etc\/yum\.repos\.d\/example\.repo <<'EOF'\n\[example\]\nname=example\nbaseurl=.*\nenabled=1\ngpgcheck=1\ngpgkey=file:\/\/\/etc/,
    );
    assert.match(
      shellOf('repository', { name: 'example', url, key: remote }, { distribution: LEAP }),
      /\/etc\/zypp\/repos\.d\/example\.repo/,
    );
  });

  test('a key file must be of OpenPGP, and have the fingerprint', () => {
    const key = { file: 'k.asc', fingerprint: 'A'.repeat(40) };
    const args = { name: 'example', url, key };
    assert.equal(
      refusalOf('repository', args, { files: layerOf({ 'k.asc': 'no key' }) }),
      'k.asc is not a file of OpenPGP keys',
    );
    const files = layerOf({ 'k.asc': KEY });
    assert.equal(
      refusalOf('repository', args, { files }),
      `k.asc has the key ${FINGERPRINT}, not ${'A'.repeat(40)}`,
    );
    const right = {
      ...args,
      key: { file: './k.asc', fingerprint: '0d0e 1904 f96c 7bf6 edf4  90a2 1d0a 4426 d500 2625' },
    };
    assert.match(shellOf('repository', right, { files }), /^cp k\.asc \/etc\/apt\/keyrings\/example\.asc$/m);
    assert.match(
      shellOf('repository', right, { files, distribution: ARCH }),
      new RegExp(`^pacman-key --lsign-key ${FINGERPRINT}$`, 'm'),
    );
    assert.deepEqual(keyFingerprints(Buffer.from(KEY)), [FINGERPRINT]);
    const binary = Buffer.from(KEY.split('\n').slice(2, 7).join(''), 'base64');
    assert.deepEqual(keyFingerprints(binary), [FINGERPRINT]);
    assert.equal(keyFingerprints(binary.subarray(0, 40)), undefined);
  });

  test('nothing can become another line of its files', () => {
    const good = { name: 'example', url, key: remote };
    for (const bad of [
      { name: 'a\nb' },
      { name: '../a' },
      { url: 'https://a\nTrusted: yes' },
      { suites: ['a\nb'] },
      { components: ['a b'] },
      { key: { file: '../k', fingerprint: 'A'.repeat(40) } },
      { key: { url: 'https://a', sha256: 'x' } },
    ]) {
      assert.match(refusalOf('repository', { ...good, ...bad }), /^must be /, JSON.stringify(bad));
    }
  });
});
