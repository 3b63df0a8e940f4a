// A system from nothing of rpm packages, by dnf: those of a repository that the test makes and signs, with groups. It boots.

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { leftovers } from '../rig/host-state.ts';
import { TestProject } from '../rig/project.ts';
import { makeRpmDistribution } from '../rig/rpm.ts';

const FILE = 'layers/10_base/layer.yaml';

function layer(repositories: string, packages: string): string {
  return `
system:
  distribution: rocky
  suite: 9
  packages: [${packages}]
  exclude: [hello-debug*]
  exclude-docs: true
  repositories: [${repositories}]
disks:
  main: { size: 400M, boot: bios, partitions: [{ mount: /, size: rest }] }
steps:
  - hostname: fromrpms
  - run: |
      cat /usr/share/hello/installed
      grep -v baseurl /etc/yum.repos.d/tiny.repo
      for place in /etc/pki /usr/share/doc /var/cache/dnf /var/log /root; do
        find "$place" -type f 2>/dev/null || true
      done
      wc -c </etc/machine-id
`;
}

const project = new TestProject({});
/** Of the packages that were downloaded. */
const requested: string[] = [];
const server = createServer((request, response) => {
  const name = (request.url ?? '').replace(/^\/9\//, '');
  if (name.endsWith('.rpm')) requested.push(name);
  try {
    response.end(readFileSync(project.path('repository/packages', name)));
  } catch {
    response.writeHead(404).end();
  }
});
let remote = '';

before(async () => {
  makeRpmDistribution(project.path('repository'), mkdtempSync(path.join(tmpdir(), 'vlb-test-rpm-')));
  for (const name of ['RPM-GPG-KEY', 'other-key']) {
    project.write({ [`layers/10_base/${name}`]: readFileSync(project.path('repository', name), 'utf8') });
  }
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo; // of TCP
  remote = `{ name: tiny, url: 'http://127.0.0.1:${port}/$releasever', key: RPM-GPG-KEY, keep: true }`;
});
after(async () => {
  server.close();
  await project[Symbol.asyncDispose]();
});

test('packages of a group are installed, without what is excluded, and nothing of this machine', async () => {
  project.write({ [FILE]: layer(remote, "'@greeting'") });
  const built = await project.build();
  assert.equal(built.outcomes, '10_base built', built.told + built.output);
  const [, said = ''] = built.output.split(/^==> 2\/2 run .*$/m);
  assert.deepEqual(said.trim().split('\n'), [
    'hello is installed',
    '[tiny]',
    'name=tiny',
    'gpgcheck=1',
    'gpgkey=file:///etc/pki/rpm-gpg/RPM-GPG-KEY-tiny',
    '/etc/pki/rpm-gpg/RPM-GPG-KEY-tiny',
    '0',
  ]);
  assert.ok(requested.length > 5);
  const sbom = await project.vlb(['sbom', '10_base', '--format', 'cyclonedx']);
  assert.equal(sbom.status, 0, sbom.stderr);
  assert.match(sbom.stdout, /pkg:rpm\/rocky\/hello-plugin@1\.0-1/);
  assert.doesNotMatch(sbom.stdout, /hello-debug/);
});

test('it boots by BIOS', async () => {
  const booted = await project.vlb(['test-boot', '--check']);
  assert.equal(booted.status, 0, booted.stderr.slice(-4000));
  assert.match(booted.stdout + booted.stderr, /fromrpms login: /);
});

test('with another package, that one alone is downloaded', async () => {
  requested.length = 0;
  project.write({ [FILE]: layer(remote, "'@greeting', hello-extra") });
  assert.equal((await project.build()).outcomes, '10_base built');
  assert.deepEqual(requested, ['hello-extra-1.0-1.x86_64.rpm']);
});

test('a lock is written, and another version than its is an error that names the package', async () => {
  const text = layer(remote, "'@greeting'").replace('  exclude:', '  lock: packages.lock\n  exclude:');
  project.write({ [FILE]: text });
  const first = await project.build();
  assert.match(first.told, /10_base has no packages\.lock, so the newest versions are installed/);
  const locked = await project.vlb(['layer', 'lock', 'base']);
  assert.equal(locked.status, 0, locked.stderr);
  const lock = readFileSync(project.path('layers/10_base/packages.lock'), 'utf8');
  assert.match(lock, /^hello x86_64 1\.0-1$/m);
  assert.equal((await project.build()).outcomes, '10_base built');
  project.write({ 'layers/10_base/packages.lock': lock.replace(/^(hello x86_64) .*/m, '$1 0.9-1') });
  const gone = await project.vlb(['build']);
  assert.equal(gone.status, 1);
  assert.match(gone.stderr, /^error: layer 10_base: rocky 9 has no package hello-0\.9-1\.x86_64$/m);
  project.write({ 'layers/10_base/packages.lock': lock.replace(/^hello x86_64.*\n/m, '') });
  const lacking = await project.vlb(['build']);
  assert.match(
    lacking.stderr,
    /^error: layer 10_base: rocky 9 has other versions than packages\.lock$\n[\s\S]*\| hello is not in it$/m,
  );
});

test('a package that does not exist is named with its place and the nearest; a key that does not match is an error', async () => {
  project.write({ [FILE]: layer(remote, 'hello-plugni') });
  const missing = await project.vlb(['build']);
  assert.equal(missing.status, 1);
  assert.match(missing.stderr, /^error: layer 10_base: rocky 9 has no package hello-plugni$/m);
  assert.match(missing.stderr, /10_base\/layer\.yaml:5:14$/m);
  assert.match(missing.stderr, /^ {2}help: did you mean hello-plugin\?$/m);
  project.write({ [FILE]: layer(remote.replace('RPM-GPG-KEY', 'other-key'), 'hello') });
  const signed = await project.vlb(['build']);
  assert.equal(signed.status, 1);
  assert.match(signed.stderr, /^error: layer 10_base: the installation of rocky 9 failed/m);
  assert.match(signed.stderr, /Error: GPG check FAILED/);
  assert.deepEqual(leftovers(project), []);
});

test('a kickstart file in the place of a layer.yaml is the same thing said otherwise', async () => {
  await using kickstart = new TestProject({
    'layers/10_base/web.ks': `#version=RHEL9
# vlb: system rocky 9
# vlb: keyring RPM-GPG-KEY
# vlb: mirror https://mirror.example/rocky ${/http[^$]*\d/.exec(remote)?.[0] ?? ''}
# vlb: disk-size 450M
%include common.ks
url --url=https://mirror.example/rocky/9
clearpart --all --initlabel --disklabel=msdos
part / --fstype=ext4 --size=300 --grow --label=root --ondisk=sda
part /data --fstype=ext4 --size=64 --ondisk=sdb
bootloader --timeout=1 --append="net.ifnames=0"
rootpw geheim
services --enabled=sshd
reboot
%packages --excludedocs --exclude-weakdeps
@greeting
-hello-debug*
%end
%post --erroronfail
cat /usr/share/hello/installed /etc/grubby /etc/vconsole.conf
readlink /etc/localtime
sed -n 's/^\\(root:.6.\\).*/\\1/p' /etc/shadow
grep TIMEOUT /etc/default/grub
ls /usr/share/hello
grep -c ' /data ' /etc/fstab
echo kept >/data/file
%end
`,
    'layers/10_base/common.ks': 'lang en_US.UTF-8\nkeyboard us\ntimezone Etc/UTC --utc\n',
    'layers/10_base/RPM-GPG-KEY': readFileSync(project.path('repository/RPM-GPG-KEY'), 'utf8'),
  });
  const built = await kickstart.build();
  assert.equal(built.outcomes, '10_base built', built.told + built.output);
  const [, said = ''] = built.output.split(/^==> 8\/8 run .*$/m);
  assert.deepEqual(said.trim().split('\n'), [
    'hello is installed',
    '--update-kernel=ALL --args=net.ifnames=0',
    'KEYMAP=us',
    '/usr/share/zoneinfo/Etc/UTC',
    'root:$6$',
    'GRUB_TIMEOUT=1',
    'installed',
    'text',
    '1',
  ]);
  const exported = await kickstart.vlb(['export', '10_base', '--format', 'libvirt']);
  assert.equal(exported.status, 0, exported.stderr);
  const xml = readFileSync(kickstart.path('build/export/10_base/libvirt/10_base.xml'), 'utf8');
  assert.equal(xml.match(/<disk /g)?.length, 2, xml);
  const shell = await kickstart.vlb(['shell', '10_base', '--', 'cat', '/data/file']);
  assert.equal(shell.stdout, 'kept\n', shell.stderr);
  assert.match(built.told, /web\.ks:14: reboot: ignored/);
  kickstart.write({
    'layers/10_base/common.ks': '# Another comment.\nlang en_US.UTF-8\nkeyboard us\ntimezone Etc/UTC\n',
  });
  assert.equal((await kickstart.build()).outcomes, '10_base fresh');
  kickstart.write({ 'layers/10_base/common.ks': 'lang en_US.UTF-8\nkeyboardd us\n' });
  const wrong = await kickstart.vlb(['plan']);
  assert.equal(wrong.status, 2);
  assert.match(
    wrong.stderr,
    /^error: unknown command "keyboardd"$\n.*10_base\/common\.ks:2$\n.*did you mean keyboard\?$/m,
  );
});
