// Operating systems: what os-release says, as osinfo names it.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { GENERIC_OS, osFromRelease, osOf } from '../../../src/machine/os.ts';

describe('the short id of an os-release', () => {
  const cases: readonly (readonly [string, string])[] = [
    [
      'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nNAME="Debian GNU/Linux"\nVERSION_ID="12"\nID=debian\n',
      'debian12',
    ],
    ['ID=debian\nPRETTY_NAME="Debian GNU/Linux trixie/sid"\n', 'debiantesting'],
    ['ID=ubuntu\nID_LIKE=debian\nVERSION_ID="24.04"\n', 'ubuntu24.04'],
    ['NAME="Fedora Linux"\nID=fedora\nVERSION_ID=40\n', 'fedora40'],
    ['ID="rhel"\nVERSION_ID="9.4"\n', 'rhel9.4'],
    ['NAME="CentOS Stream"\nID="centos"\nVERSION_ID="9"\n', 'centos-stream9'],
    ['NAME="CentOS Linux"\nID="centos"\nVERSION_ID="7"\n', 'centos7.0'],
    ['ID="rocky"\nVERSION_ID="9.3"\n', 'rocky9'],
    ["ID='almalinux'\nVERSION_ID='8.9'\n", 'almalinux8'],
    ['ID="ol"\nVERSION_ID="9.3"\n', 'ol9.3'],
    ['ID="opensuse-leap"\nVERSION_ID="15.5"\n', 'opensuse15.5'],
    ['ID="opensuse-tumbleweed"\nVERSION_ID="20240101"\n', 'opensusetumbleweed'],
    ['ID="sles"\nVERSION_ID="15.5"\n', 'sle15sp5'],
    ['ID="sles"\nVERSION_ID="12.5"\n', 'sles12sp5'],
    ['ID=alpine\r\nVERSION_ID=3.19.1\r\n', 'alpinelinux3.19'],
    ['ID=arch\nBUILD_ID=rolling\n', 'archlinux'],
    ['ID=tiny\n', GENERIC_OS],
    ['ID=toString\n', GENERIC_OS],
    ['ID=ubuntu\nVERSION_ID="24.04 <&>"\n', GENERIC_OS],
    ['', GENERIC_OS],
  ];
  for (const [text, id] of cases) {
    test(id, () => assert.equal(osFromRelease(text), id));
  }
});

test('the identifier, distribution and version of a short id', () => {
  const parts = (id: string) => {
    const { url, distribution, version } = osOf(id);
    return [url, distribution, version];
  };
  assert.deepEqual(parts('debian12'), ['http://debian.org/debian/12', 'debian', '12']);
  assert.deepEqual(parts('centos-stream9'), ['http://centos.org/centos-stream/9', 'centos-stream', '9']);
  assert.deepEqual(parts('sle15sp5'), ['http://suse.com/sle/15.5', 'sle', '15sp5']);
  assert.deepEqual(parts('opensusetumbleweed'), [
    'http://opensuse.org/opensuse/tumbleweed',
    'opensuse',
    'tumbleweed',
  ]);
  assert.deepEqual(parts('archlinux'), ['http://archlinux.org/archlinux/rolling', 'archlinux', '']);
  assert.deepEqual(parts('win2k22'), ['http://microsoft.com/win/2k22', 'win', '2k22']);
  assert.deepEqual(parts('linuxmint'), [undefined, 'linuxmint', '']);
  assert.equal(osOf('win11').isWindows, true);
});
