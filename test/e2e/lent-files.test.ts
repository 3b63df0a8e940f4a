// /etc/resolv.conf, /usr/sbin/policy-rc.d and /etc/hosts while a script runs: what the script makes of them stays in the image,
// and what vlb put there does not.

import assert from 'node:assert/strict';
import path from 'node:path';
import { test } from 'node:test';
import { checkFileSystem, leftovers, readFromImage } from '../rig/host-state.ts';
import { TestProject } from '../rig/project.ts';
import { buildLayer, copyTools, tinyDisk } from '../rig/tiny.ts';

const SERVERS = 'nameserver 192.0.2.1\n';
const HOSTS = '127.0.0.1 localhost own\n';
const ALLOWS = '#!/bin/sh\nexit 0\n';
const STUB = '../run/systemd/resolve/stub-resolv.conf';

/** The images: with files of their own in these places, without any, and with links. */
const DISKS = {
  own: `
printf '${SERVERS}' > "$root/etc/resolv.conf"; printf '${HOSTS}' > "$root/etc/hosts"
printf '${ALLOWS}' > "$root/usr/sbin/policy-rc.d"; chmod 644 "$root/usr/sbin/policy-rc.d"
ln "$root/etc/hosts" "$root/etc/hosts.other"
touch -d '2001-02-03 04:05:06.789' "$root"/etc/* "$root"/usr/sbin/*`,
  none: '',
  dangling: `ln -s /none/resolv.conf "$root/etc/resolv.conf"; ln -s /none/policy "$root/usr/sbin/policy-rc.d"`,
  links: `ln -s ${STUB} "$root/etc/resolv.conf"; ln -s /bin/true "$root/usr/sbin/policy-rc.d"`,
} as const;

/** What a script does, and the files that the image has then. Those that are not named are as before. */
const CASES: readonly (readonly [
  disk: keyof typeof DISKS,
  script: string,
  expected: Readonly<Record<string, string | undefined>>,
])[] = [
  [
    'own',
    '! grep -q 192.0.2.1 /etc/resolv.conf; ! /usr/sbin/policy-rc.d; grep -q web.example.org /etc/hosts',
    {},
  ],
  [
    'own',
    'rm -f /etc/resolv.conf /usr/sbin/policy-rc.d',
    { '/etc/resolv.conf': undefined, '/usr/sbin/policy-rc.d': undefined },
  ],
  [
    'own',
    'mv /etc/resolv.conf /etc/kept; mv /usr/sbin/policy-rc.d /usr/kept',
    {
      '/etc/resolv.conf': undefined,
      '/etc/kept': SERVERS,
      '/usr/sbin/policy-rc.d': undefined,
      '/usr/kept': ALLOWS,
    },
  ],
  [
    'own',
    'echo "search example.org" >> /etc/resolv.conf; echo "192.0.2.2 db" >> /etc/hosts',
    {
      '/etc/resolv.conf': `${SERVERS}search example.org\n`,
      '/etc/hosts': `${HOSTS}192.0.2.2 db\n`,
      '/etc/hosts.other': `${HOSTS}192.0.2.2 db\n`,
    },
  ],
  [
    'own',
    'sed -i s/own/mine/ /etc/hosts; sed -i s/101/102/ /usr/sbin/policy-rc.d; echo "nameserver 192.0.2.9" > /etc/resolv.conf',
    {
      '/etc/hosts': HOSTS.replace('own', 'mine'),
      '/etc/resolv.conf': 'nameserver 192.0.2.9\n',
      '/usr/sbin/policy-rc.d': '#!/bin/sh\n# vlb: no service starts while a script runs\nexit 102\n',
    },
  ],
  ['own', 'chattr +i /etc/resolv.conf', {}],
  [
    'own',
    `mv /etc/resolv.conf /etc/.bak; ln -s ${STUB} /etc/resolv.conf; ln -sf /bin/true /usr/sbin/policy-rc.d`,
    {
      '/etc/.bak': SERVERS,
      '/etc/resolv.conf': `link ${STUB}`,
      '/usr/sbin/policy-rc.d': 'link /bin/true',
    },
  ],
  ['none', 'test -s /etc/resolv.conf; ! /usr/sbin/policy-rc.d; grep -q localhost /etc/hosts', {}],
  [
    'none',
    `printf '#!/bin/sh\\nexit 101\\n' > /usr/sbin/policy-rc.d; echo "${SERVERS.trim()}" > /etc/resolv.conf; chattr +i /etc/resolv.conf`,
    {
      '/usr/sbin/policy-rc.d': '#!/bin/sh\nexit 101\n',
      '/etc/resolv.conf': SERVERS,
    },
  ],
  [
    'none',
    'mv /etc/resolv.conf /etc/kept; mv /usr/sbin/policy-rc.d /usr/kept; mv /etc/hosts /root/kept; chattr +i /etc/kept',
    {},
  ],
  ['links', '[ -L /etc/resolv.conf ]; test -s /etc/resolv.conf; ! /usr/sbin/policy-rc.d; true', {}],
  [
    'links',
    'rm /etc/resolv.conf; echo "nameserver 192.0.2.9" > /etc/resolv.conf; mv /usr/sbin/policy-rc.d /usr/kept',
    {
      '/etc/resolv.conf': 'nameserver 192.0.2.9\n',
      '/usr/sbin/policy-rc.d': undefined,
      '/usr/kept': 'link /bin/true',
    },
  ],
  ['dangling', '[ -s /etc/resolv.conf ]; ! /usr/sbin/policy-rc.d; true', {}],
  [
    'own',
    "sed -i '1i search example.org' /etc/resolv.conf; sed -i '1i 192.0.2.2 db' /etc/hosts",
    { '/etc/resolv.conf': `search example.org\n${SERVERS}`, '/etc/hosts': `192.0.2.2 db\n${HOSTS}` },
  ],
  ['none', 'chattr +i /etc /usr/sbin', {}],
];

const BEFORE: Readonly<Record<keyof typeof DISKS, Readonly<Record<string, string>>>> = {
  own: { '/etc/resolv.conf': SERVERS, '/etc/hosts': HOSTS, '/usr/sbin/policy-rc.d': ALLOWS },
  none: {},
  links: { '/etc/resolv.conf': `link ${STUB}`, '/usr/sbin/policy-rc.d': 'link /bin/true' },
  dangling: { '/etc/resolv.conf': 'link /none/resolv.conf', '/usr/sbin/policy-rc.d': 'link /none/policy' },
};

test("what a script makes of resolv.conf, policy-rc.d and hosts stays in the image, and vlb's text does not", async (t) => {
  const names = Object.keys(DISKS);
  await using project = new TestProject({
    ...Object.fromEntries(
      Object.entries(DISKS).map(([name, more]) => [
        `layers/1${names.indexOf(name)}_${name}/modify-disk`,
        tinyDisk({
          size: '64M',
          more: `${copyTools('chattr', 'lsattr', 'sed')}mkdir -p "$root/var/lib/dpkg" "$root/usr/sbin"\n${more}`,
        }),
      ]),
    ),
    ...Object.fromEntries(
      CASES.map(([disk, script], index) => [
        `layers/${20 + index}_case${index}/build-layer`,
        buildLayer(`PATH=$PATH:/opt\n${script}`, `# vlb: from ${disk}\n# vlb: hostname web.example.org`),
      ]),
    ),
    // On the image of a case whose script pinned the file.
    'layers/50_pinned/build-layer': buildLayer(
      '! grep -q 192.0.2.1 /etc/resolv.conf; /opt/lsattr /etc/resolv.conf',
      '# vlb: from case5',
    ),
    'layers/51_removed/build-layer': buildLayer(
      '! rm /etc/resolv.conf; /opt/chattr -i /etc/resolv.conf; rm /etc/resolv.conf',
      '# vlb: from pinned',
    ),
    'layers/52_directories/build-layer': buildLayer(
      'test -s /etc/resolv.conf; ! /usr/sbin/policy-rc.d; ! touch /etc/x; rm -f /etc/x',
      `# vlb: from case${CASES.length - 1}`,
    ),
  });
  const built = await project.build();
  assert.equal(built.status, 0, built.told);
  const scratch = path.dirname(project.directory);
  assert.match(built.output, /^-+i-+e?-+ \/etc\/resolv\.conf$/m);
  for (const [layer, text] of [
    ['50_pinned', SERVERS],
    ['51_removed', undefined],
    ['52_directories', undefined],
  ] as const) {
    assert.equal(readFromImage(project.path(`build/${layer}.qcow2`), scratch, '/etc/resolv.conf'), text);
  }
  for (const [index, [disk, script, expected]] of CASES.entries()) {
    await t.test(`${disk}: ${script}`, async () => {
      const layer = `${20 + index}_case${index}`;
      const compared = await project.vlb(['diff', '--json', disk, layer]);
      assert.equal(compared.status, 0, compared.stderr);
      const differences: { path: string }[] = JSON.parse(compared.stdout).files;
      const allowed = [...Object.keys(expected), ...(expected['/etc/hosts'] ? ['/etc/hosts.other'] : [])];
      for (const { path: file } of differences) assert.ok(allowed.includes(file), `${file} differs`);
      const image = project.path(`build/${layer}.qcow2`);
      for (const [file, text] of Object.entries({ ...BEFORE[disk], ...expected })) {
        if (text?.startsWith('link ')) {
          const link = await project.vlb(['diff', '--json', '10_own', layer]);
          assert.match(link.stdout, new RegExp(`"target":\\s*"${text.slice(5)}"`), file);
        } else assert.equal(readFromImage(image, scratch, file), text, file);
      }
      assert.equal(checkFileSystem(image, scratch), '');
    });
  }
  assert.deepEqual(leftovers(project), []);
});
