// What packages of a real distribution take for granted: their own programs, on a Debian made for this.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, test } from 'node:test';
import { DEBIAN_DISK } from '../rig/debian.ts';
import { leftovers } from '../rig/host-state.ts';
import { TestProject } from '../rig/project.ts';
import { buildLayer } from '../rig/tiny.ts';

// One for all tests here, since making the disk takes most of the time.
const project = new TestProject({ 'layers/10_base/modify-disk': DEBIAN_DISK });
after(() => project[Symbol.asyncDispose]());

/** Two versions of a package with a configuration file and a question, whose answer /etc/asked gets. */
const PACKAGES = String.raw`
pack() {
  mkdir -p /tmp/p/DEBIAN /tmp/p/etc
  printf 'Package: asks\nVersion: %s\nArchitecture: all\nMaintainer: x <x@example.org>\nDescription: x\n' "$1" > /tmp/p/DEBIAN/control
  printf 'Template: asks/really\nType: select\nChoices: yes, no\nDefault: no\nDescription: x\n x\n' > /tmp/p/DEBIAN/templates
  cat > /tmp/p/DEBIAN/config <<'CONFIG'
#!/bin/sh -e
. /usr/share/debconf/confmodule
db_input critical asks/really || echo "$?" > /etc/input
db_go || true
CONFIG
  cat > /tmp/p/DEBIAN/postinst <<'POSTINST'
#!/bin/sh -e
. /usr/share/debconf/confmodule
db_get asks/really
echo "$RET" > /etc/asked
POSTINST
  chmod 755 /tmp/p/DEBIAN/config /tmp/p/DEBIAN/postinst
  echo /etc/asks.conf > /tmp/p/DEBIAN/conffiles
  echo "of $1" > /tmp/p/etc/asks.conf
  dpkg-deb --build /tmp/p "/tmp/asks-$1.deb" > /dev/null
}
pack 1
pack 2
`;

test('a package asks nothing, and what needs a running system is ignored', async () => {
  project.write({
    'layers/20_app/build-layer': buildLayer(`${PACKAGES}
dpkg -i /tmp/asks-1.deb
echo "asked $(cat /etc/asked), input $(cat /etc/input)"
echo changed > /etc/asks.conf
dpkg -i /tmp/asks-2.deb
echo "kept $(cat /etc/asks.conf), beside it $(cat /etc/asks.conf.dpkg-dist)"
dpkg -i /tmp/asks-1.deb
dpkg --force-confnew -i /tmp/asks-2.deb
echo "then $(cat /etc/asks.conf)"
systemctl daemon-reload
systemctl restart systemd-udevd
systemctl start systemd-networkd
systemctl enable systemd-networkd
ls /etc/systemd/system/multi-user.target.wants/systemd-networkd.service`),
  });
  const built = await project.build();
  assert.equal(built.status, 0, built.told);
  assert.match(built.output, /^asked no, input 30$/m, 'debconf said that it skipped the question');
  assert.match(built.output, /^kept changed, beside it of 2$/m);
  assert.match(built.output, /^then of 2$/m, 'what a script asks for itself wins');
  const log = readFileSync(project.path('.vlb/logs/20_app.log'), 'utf8');
  assert.doesNotMatch(log, /debconf: |will not downgrade/);
  for (const command of ['daemon-reload', 'restart', 'start']) {
    assert.match(built.output, new RegExp(`^Running in chroot, ignoring command '${command}'$`, 'm'));
  }
  assert.deepEqual(leftovers(project), []);
});

test("a script's own variables and its parameters win", async () => {
  project.write({
    'layers/20_app/build-layer': buildLayer(
      'echo "$DEBIAN_FRONTEND $UCF_FORCE_CONFFOLD"; export SYSTEMD_OFFLINE=0 SYSTEMD_IN_CHROOT=0; ! systemctl daemon-reload',
      '# vlb: param DEBIAN_FRONTEND=teletype',
    ),
  });
  const built = await project.build();
  assert.equal(built.status, 0, built.told);
  assert.match(built.output, /^teletype 1$/m);
  assert.match(built.output, /has not been booted with systemd/);
});
