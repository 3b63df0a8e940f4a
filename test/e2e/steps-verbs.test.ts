// What steps of layers make of a real Debian: in its files, and when it boots and somebody logs in.

import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer as createFileServer } from 'node:http';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { after, before, suite, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Identity } from '../../src/model/ports/booter.ts';
import { startWithBase } from '../rig/base-store.ts';
import { DEBIAN_DISK } from '../rig/debian.ts';
import { leftovers } from '../rig/host-state.ts';
import { LibvirtRig } from '../rig/libvirt.ts';
import { type Built, run, TestProject } from '../rig/project.ts';
import { makeDeb, makeKey, makeRpm } from '../rig/steps/packages.ts';

const keys = mkdtempSync(path.join(tmpdir(), 'vlb-keys-'));
after(() => rmSync(keys, { recursive: true, force: true }));
execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', 'ann@test', '-f', path.join(keys, 'ann')]);
const PUBLIC_KEY = readFileSync(path.join(keys, 'ann.pub'), 'utf8');

/** The names of files of the layer that mean something to a shell, in a directory. */
const HOSTILE = ['-rf', "it's", '$(touch pwned)', 'a b', '"', 'a\nb'];

const BOOT = `
from: 10_base
steps:
  - write: { path: /etc/initramfs-tools/conf.d/small, content: MODULES=list }
  - write: { path: /etc/initramfs-tools/modules, content: "virtio_pci\\nvirtio_blk\\next4\\n" }
  - install: [linux-image-cloud-amd64, initramfs-tools, zstd, grub-pc, openssh-server, tzdata, locales, iproute2, procps]
  - run: grub-install "$VLB_DISK"
  - write:
      path: /etc/default/grub.d/test.cfg
      content: |
        GRUB_TERMINAL=serial
        GRUB_TIMEOUT=0
        GRUB_CMDLINE_LINUX="quiet console=tty0"
  - kernel-options: { add: [console=ttyS0], remove: [quiet, console] }
  - guest-agent: qemu
  - hostname: web.example.org
  - timezone: Europe/Berlin
  - locale: de_DE.UTF-8
  - keymap: de-nodeadkeys
  - network: { interface: eth0, address: 10.0.2.15/24, gateway: 10.0.2.2, dns: 10.0.2.3, by: networkd, predictable-names: false }
`;

const USERS = `
params: { VERSION: '1.4' }
secrets: [ANN_PASSWORD]
steps:
  - group: { name: deploy, gid: 1500 }
  - user:
      name: ann
      uid: 1200
      groups: [adm, deploy]
      comment: Ann O'Hara, $(id)
      shell: /bin/bash
      password: { secret: ANN_PASSWORD }
      ssh-keys: ann.pub
  - user: { name: locked, locked: true }
  - user: { name: bob }
  - password: { user: bob, password: { secret: ANN_PASSWORD } }
  - root-password: locked
  - ssh-key: { key: ann.pub }
  - copy: { from: hostile, to: /srv/hostile, mode: 0640, directory-mode: 0750, owner: 'ann:deploy' }
  - template: { from: motd.njk, to: /etc/motd }
  - append: { path: /etc/hosts, line: 192.0.2.7 db }
  - edit: { path: /etc/ssh/sshd_config, match: '^#?PasswordAuthentication .*', replace: PasswordAuthentication no, count: 1 }
  - mkdir: { path: /srv/new, mode: 2775, owner: 'root:deploy' }
  - link: { path: /etc/link, target: ../srv/new }
  - touch: /srv/new/a
  - move: { from: /srv/new/a, to: /srv/new/b }
  - chmod: { path: /srv/new/b, mode: 'u=rw,go=' }
  - chown: { path: /srv/new/b, owner: ann }
  - write: { path: /srv/emptied, content: content }
  - truncate: /srv/emptied
  - delete: '/etc/cron.*'
  - script: { file: build.sh, user: ann, directory: /home/ann, environment: { GREETING: "it's" } }
  - service: { unit: app.service, enable: app, mask: ctrl-alt-del.target }
  - firstboot: ./first.sh
  - firstboot: { command: 'echo "second of the first boot"; systemctl is-active systemd-user-sessions ssh >/first-active || true' }
  - firstlogin: { command: 'echo "$USER" >>first-login', user: ann }
  - sysprep: default
`;

/** A repository of Debian, signed, and one of RPM packages. */
const MAKE_REPOSITORIES = `
mkdir -p /srv/debs /srv/rpms
cp debs/* /srv/debs
cp rpms/* /srv/rpms
createrepo_c -q /srv/rpms
cd /srv/debs
for file in *.deb; do
  dpkg-deb -f "$file"
  echo "Filename: ./$file"
  echo "Size: $(stat -c %s "$file")"
  echo "SHA256: $(sha256sum <"$file" | cut -d' ' -f1)"
  echo
done >Packages
{
  echo 'Origin: test'
  echo "Date: $(date -Ru)"
  echo SHA256:
  echo " $(sha256sum <Packages | cut -d' ' -f1) $(stat -c %s Packages) Packages"
} >Release
export GNUPGHOME=/tmp/gnupg
mkdir -m 700 "$GNUPGHOME"
gpg --batch --quiet --import /mnt/secret.asc
gpg --batch --clearsign --output InRelease Release
`;

const { publicKey, secretKey, fingerprint } = makeKey();

const APT = `
from: 10_base
steps:
  - install: [dnf, createrepo-c, gpg, gpg-agent]
  - script: make-repositories.sh
  - repository: { name: test, url: 'file:///srv/debs', suites: ./, key: { file: test.asc, fingerprint: ${fingerprint} } }
  - install: [hello-test=1.0, ./local_*.deb]
  - install: { packages: other-test, recommends: true }
  - uninstall: local
  - write: { path: /usr/lib/os-release, content: "ID=fedora\\nVERSION_ID=40\\n" }
`;

const DNF = `
from: 40_apt
steps:
  - write: { path: /etc/yum.repos.d/test.repo, content: "[test]\\nname=test\\nbaseurl=file:///srv/rpms\\ngpgcheck=0\\n" }
  - install: [greeter=1.0, ./local-*.rpm]
  - install: { packages: other, recommends: true }
  - uninstall: local
  - update: [other]
`;

const ANSIBLE = `from: 40_apt
params: { VERSION: '1.4' }
steps:
  - ansible: { playbook: plays/site.yml, variables: { greeting: "it's {{ VERSION }}" } }
  - run: test ! -e /tmp/ansible && cat /etc/greeting
`;

const PLAYBOOK = `
- hosts: all
  tasks:
    - template: { src: greeting.j2, dest: /etc/greeting, mode: '0640' }
    - user: { name: bob, uid: 1300, shell: /bin/sh }
    - command: mktemp
    - command: { cmd: id -un bob, chdir: /srv }
      register: who
    - copy: { content: '{{ who.stdout }} {{ ansible_pkg_mgr }}', dest: /etc/who }
`;

/** As Vagrant's documentation of base boxes has it: the user, its key, sudo. */
const BOX = `
from: 20_boot
steps:
  - install: sudo
  - network: { interface: eth0, dhcp: true, by: networkd, predictable-names: false }
  - user: { name: vagrant, shell: /bin/bash, ssh-keys: vagrant.pub }
  - write: { path: /etc/sudoers.d/vagrant, content: "vagrant ALL=(ALL) NOPASSWD: ALL\\n", mode: 0440 }
  - sysprep: default
`;

/** The public key of the one that Vagrant logs in with first. */
const PRINT_KEY = 'cat "$(dirname "$(gem which vagrant)")/../keys/vagrant.pub"';

/** VLB_TEST_DEBIAN names another release, `trixie`. */
const RELEASE = process.env['VLB_TEST_DEBIAN'] ?? 'bookworm';

// One for all tests here.
const project = new TestProject({
  'layers/10_base/modify-disk': DEBIAN_DISK.replaceAll('bookworm', RELEASE),
  'layers/20_boot/layer.yaml': BOOT,
  'layers/30_users/layer.yaml': USERS,
  'layers/30_users/ann.pub': PUBLIC_KEY,
  'layers/30_users/motd.njk': 'Version {{ VERSION }} of {{ layer }}, $(id)\n',
  'layers/30_users/build.sh': 'echo "$GREETING $(id -un) $VERSION" >built\n',
  'layers/30_users/app.service':
    '[Service]\nType=oneshot\nRemainAfterExit=yes\nExecStart=/bin/sh -c "echo started > /app-started"\n[Install]\nWantedBy=multi-user.target\n',
  'layers/30_users/first.sh': 'echo first of the first boot; echo boot >>/first-boots\n',
  ...Object.fromEntries(HOSTILE.map((name) => [`layers/30_users/hostile/${name}`, `content of ${name}\n`])),
  'layers/40_apt/layer.yaml': APT,
  'layers/40_apt/make-repositories.sh': MAKE_REPOSITORIES,
  'layers/40_apt/test.asc': publicKey,
  'layers/40_apt/secret.asc': secretKey,
  'layers/50_dnf/layer.yaml': DNF,
  'layers/70_box/layer.yaml': BOX,
  'layers/70_box/vagrant.pub': execFileSync('sh', ['-c', PRINT_KEY], { encoding: 'utf8' }),
  'vlb.yaml': 'machines:\n  box:\n    disks: [{ image: 70_box }]\n    exports: [vagrant-libvirt]\n',
  'layers/60_ansible/layer.yaml': ANSIBLE,
  'layers/60_ansible/plays/site.yml': PLAYBOOK,
  'layers/60_ansible/plays/templates/greeting.j2': '{{ greeting }} {{ inventory_hostname }}\n',
});
after(() => project[Symbol.asyncDispose]());

function makePackages(): void {
  const debs = project.path('layers/40_apt/debs');
  const rpms = project.path('layers/40_apt/rpms');
  for (const directory of [debs, rpms]) mkdirSync(directory);
  makeDeb(debs, { name: 'hello-test', version: '1.0', recommends: 'extra-test' });
  makeDeb(debs, { name: 'hello-test', version: '2.0' });
  makeDeb(debs, { name: 'other-test', version: '1.0', recommends: 'extra-test' });
  makeDeb(debs, { name: 'extra-test', version: '1.0' });
  makeDeb(project.path('layers/40_apt'), { name: 'local', version: '3.0' });
  makeRpm(rpms, { name: 'greeter', version: '1.0', recommends: 'extra' });
  makeRpm(rpms, { name: 'greeter', version: '2.0' });
  // dnf never takes what it has left out once, which is `extra`.
  makeRpm(rpms, { name: 'other', version: '1.0', recommends: 'more' });
  for (const name of ['extra', 'more']) makeRpm(rpms, { name, version: '1.0' });
  makeRpm(project.path('layers/50_dnf'), { name: 'local', version: '3.0' });
}

/** What the booted image is asked; each line of the answer begins with a word for it. */
const QUESTIONS = String.raw`
for i in $(seq 600); do [ ! -e /home/ann/logged-in ] || break; sleep 0.2; done
systemctl is-system-running --wait | sed 's/^/state /'
systemctl --failed --no-legend --plain | sed 's/^/failed /'
say() { printf '%s %s\n' "$1" "$2"; }
say hostname "$(hostname) $(hostname -f)"
say timezone "$(date +%Z) $(readlink /etc/localtime) $(cat /etc/timezone 2>/dev/null)"
say locale "$(. /etc/default/locale; echo "$LANG"; LC_ALL=$LANG locale -k LC_TIME | grep -o Montag)"
say keymap "$(grep XKBVARIANT /etc/default/keyboard)"
say address "$(ip -4 -o address show eth0 | sed 's/.*inet \([^ ]*\).*/\1/') $(ip -4 route show default)"
say options "$(cat /proc/cmdline)"
say ann "$(id ann) $(getent passwd ann | cut -d: -f5-)"
say password "$(printf 'pa ss$(id)\n' | runuser -u nobody -- su ann -c 'id -un' 2>/dev/null)"
say wrong "$(printf 'other\n' | runuser -u nobody -- su ann -c 'id -un' 2>/dev/null)"
say bob "$(printf 'pa ss$(id)\n' | runuser -u nobody -- su bob -c 'id -un' 2>/dev/null)"
say emptied "$(stat -c %s /srv/emptied)"
say locked "$(getent shadow locked root | cut -d: -f1,2)"
say hostile "$(stat -c '%a %U:%G' /srv/hostile /srv/hostile/*b | sort -u)"
say new "$(stat -c '%a %U:%G %N' /srv/new /srv/new/b /etc/link)"
say motd "$(cat /etc/motd)"
say hosts "$(grep -cE '^(127.0.1.1 web.example.org web|192.0.2.7 db)$' /etc/hosts)"
say sshd "$(sshd -T 2>/dev/null | grep passwordauthentication)"
say cron "$(ls -d /etc/cron.* 2>/dev/null)"
say built "$(cat /home/ann/built) $(stat -c %U /home/ann/built)"
say app "$(cat /app-started) $(systemctl is-enabled ctrl-alt-del.target)"
say boots "$(cat /first-boots) $(ls /var/lib/vlb/firstboot | wc -l)"
say active "$(cat /first-active)"
say journal "$(journalctl -b -u vlb-firstboot -o cat | grep -c 'of the first boot$')"
for times in 1 2; do runuser -l ann -c 'bash -lic true' 2>/dev/null; done
say login "$(cat /home/ann/first-login)"
say lists "$(find /var/lib/apt/lists /var/cache/apt /var/cache/vlb -type f ! -name lock 2>/dev/null)"
say logs "$(ls /var/log/*.gz /root/.bash_history /etc/shadow- 2>/dev/null)"
say end ''
`;

/** Copies of what is in /opt, and what of package managers is left. */
const LOOK =
  'for file in /opt/*; do echo "$file $(cat "$file")"; done; find /var/lib/apt/lists -type f ! -name lock; find /var/cache -name "*.deb" -o -name "*.rpm" -o -name "*.solv"';

const DOWNLOADED = '#!/bin/sh\necho downloaded\n';
const files = createFileServer((_request, response) => response.end(DOWNLOADED));
after(() => files.close());

/** Debian's smallest has neither curl nor wget. */
const downloads = (port: number) => `
from: 10_base
steps:
  - download:
      url: http://127.0.0.1:${port}/program
      sha256: ${createHash('sha256').update(DOWNLOADED).digest('hex')}
      to: /usr/local/bin/program
      mode: 0755
  - trim: /
  - run: program
`;

// Side by side: all wait for machines.
suite('a Debian of steps', { concurrency: true }, () => {
  let built: Built;
  before(async () => {
    const secret = path.join(keys, 'password');
    writeFileSync(secret, 'pa ss$(id)\n', { mode: 0o600 });
    makePackages();
    files.listen(0, '127.0.0.1');
    await once(files, 'listening');
    const { port } = files.address() as AddressInfo; // a server on a port has this address
    project.write({ 'layers/80_download/layer.yaml': downloads(port) });
    await startWithBase(project);
    built = await project.build(['--secret', `ANN_PASSWORD=${secret}`]);
    assert.equal(built.status, 0, built.told);
  });
  after(() => assert.deepEqual(leftovers(project), []));

  test('a file of the network is downloaded by apt where there is nothing else', () => {
    assert.match(built.output, /^downloaded$/m);
  });

  test('no secret is in a log', () => {
    assert.doesNotMatch(built.output + readFileSync(project.path('.vlb/logs/30_users.log'), 'utf8'), /pa ss/);
  });

  test('boots, with all that they said', async () => {
    const port = await freePort();
    const booting = project.vlb(['test-boot', '30_users', '--forward', `${port}:22`, '--run', QUESTIONS]);
    const user = await logIn(port, booting);
    const booted = await booting;
    assert.equal(booted.status, 0, booted.stderr);
    assert.equal(user, 'ann\n', 'its address answers, and a key opens it');
    const answers = booted.stdout.split(/^(?=(?:[a-z]+) )/m).map((text) => text.trimEnd());
    const answer = (word: string) =>
      answers
        .filter((text) => text.startsWith(`${word} `))
        .map((text) => text.slice(word.length + 1))
        .join('\n');
    assert.deepEqual([answer('state'), answer('failed')], ['running', '']);
    assert.equal(answer('hostname'), 'web.example.org web.example.org');
    // Debian 13 has no /etc/timezone.
    const zone = `/usr/share/zoneinfo/Europe/Berlin${RELEASE === 'bookworm' ? ' Europe/Berlin' : ''}`;
    assert.match(answer('timezone'), new RegExp(`^CES?T ${zone}$`));
    assert.equal(answer('locale'), 'de_DE.UTF-8\nMontag');
    assert.equal(answer('keymap'), 'XKBVARIANT="nodeadkeys"');
    assert.match(answer('address'), /^10\.0\.2\.15\/24 default via 10\.0\.2\.2 dev eth0 proto static/);
    assert.match(answer('options'), / net\.ifnames=0/);
    assert.doesNotMatch(answer('options'), /quiet|tty0/);
    assert.equal(
      answer('ann'),
      "uid=1200(ann) gid=1200(ann) Gruppen=1200(ann),4(adm),1500(deploy) Ann O'Hara, $(id):/home/ann:/bin/bash",
    );
    assert.deepEqual([answer('password'), answer('wrong')], ['ann', '']);
    assert.deepEqual([answer('bob'), answer('emptied')], ['bob', '0']);
    assert.equal(answer('locked'), 'locked:!\nroot:!');
    assert.equal(answer('hostile'), '640 ann:deploy\n750 ann:deploy');
    assert.equal(
      answer('new'),
      "2775 root:deploy '/srv/new'\n600 ann:deploy '/srv/new/b'\n777 root:root '/etc/link' -> '../srv/new'",
    );
    assert.equal(answer('motd'), 'Version 1.4 of 30_users, $(id)');
    assert.equal(answer('hosts'), '2');
    assert.equal(answer('sshd'), 'passwordauthentication no');
    assert.equal(answer('cron'), '');
    assert.equal(answer('built'), "it's ann 1.4 ann");
    assert.equal(answer('app'), 'started masked');
    assert.equal(answer('boots'), 'boot 0');
    // When the scripts ran, nobody could log in.
    assert.equal(answer('active'), 'inactive\ninactive');
    assert.equal(answer('journal'), '2');
    assert.equal(answer('login'), 'ann');
    assert.deepEqual([answer('lists'), answer('logs')], ['', '']);
    const console = booted.stderr;
    const [first, second, prompt] = [/first of the first boot/, /second of the first boot/, /web login:/].map(
      (text) => console.search(text),
    );
    assert(first !== undefined && second !== undefined && 0 < first && first < second, console);
    assert(prompt === undefined || prompt < 0 || second < prompt, console);
  });

  test('two copies are different machines', async () => {
    const twice = await project.vlb(['test-boot', '30_users', '--twice', '--json']);
    assert.equal(twice.status, 0, `${twice.stdout}${twice.stderr}`);
    const { same, different } = JSON.parse(twice.stdout);
    assert.deepEqual(same, []);
    const files = different.map(({ file }: Identity) => file);
    for (const file of ['/etc/machine-id', '/etc/ssh/ssh_host_ed25519_key.pub']) {
      assert(files.includes(file), files.join());
    }
  });

  test('Vagrant brings up its box of it, and logs in', async () => {
    await using libvirt = new LibvirtRig();
    await libvirt.start();
    const { name } = libvirt;
    project.write({
      'up/Vagrantfile': `Vagrant.configure('2') do |config|
  config.vm.box = '${name}'
  config.vm.define '${name}'
  config.vm.boot_timeout = 600
  config.vm.synced_folder '.', '/vagrant', disabled: true
  config.vm.provider(:libvirt) { |libvirt| libvirt.driver = 'qemu' }
end
`,
    });
    const exported = await project.vlb(['export', 'box']);
    assert.equal(exported.status, 0, exported.stderr);
    const vagrant = async (...args: readonly string[]) => {
      const env = { VAGRANT_HOME: project.path('vagrant'), VAGRANT_CHECKPOINT_DISABLE: '1' };
      const ended = await run('vagrant', args, { cwd: project.path('up'), env });
      assert.equal(ended.status, 0, `${args[0]}: ${ended.stdout}${ended.stderr}`);
      return ended.stdout;
    };
    await vagrant('box', 'add', '--name', name, project.path('build/export/box/vagrant-libvirt/box.box'));
    try {
      await vagrant('up', '--provider=libvirt');
      assert.equal(await vagrant('ssh', '-c', 'id -un; sudo id -un'), 'vagrant\nroot\n');
    } finally {
      await vagrant('destroy', '--force');
      for (const volume of libvirt.virsh('vol-list', 'default').matchAll(/\S+_box\.img/g)) {
        if (volume[0].startsWith(name)) libvirt.virsh('vol-delete', volume[0], 'default');
      }
    }
  });

  test('packages of repositories and of the layer, by apt and by dnf', async () => {
    const looked = await project.vlb(['shell', '50_dnf', '--', '/bin/sh', '-c', LOOK]);
    assert.equal(looked.status, 0, looked.stderr);
    assert.equal(
      looked.stdout,
      '/opt/extra-test 1.0\n/opt/greeter 1.0\n/opt/hello-test 1.0\n/opt/more 1.0\n/opt/other 1.0\n/opt/other-test 1.0\n',
    );
  });

  test('a playbook of Ansible changes the image, and nothing else', async () => {
    assert.match(built.output, /ok: \[image\]/);
    const look = 'stat -c %a /etc/greeting; cat /etc/greeting /etc/who; getent passwd bob; ls -A /root /tmp';
    const looked = await project.vlb(['shell', '60_ansible', '--', '/bin/sh', '-c', look]);
    assert.match(looked.stdout, /^640\nit's 1\.4 image\nbob aptbob:x:1300:1300::\/home\/bob:\/bin\/sh\n/);
    assert.doesNotMatch(looked.stdout, /ansible/);

    const shown = await project.vlb(['layer', 'show', '60_ansible']);
    assert.equal(shown.status, 2);
    assert.match(shown.stderr, /ansible runs on the host.*\n.*layers\/60_ansible\/layer\.yaml:4/);

    project.write({
      'layers/60_ansible/plays/site.yml': '- hosts: all\n  tasks: [{ fail: { msg: no more } }]\n',
    });
    const failed = await project.build(['60_ansible']);
    assert.equal(failed.status, 1);
    assert.match(
      failed.finished?.failure?.message ?? '',
      /step 1\/2 \(ansible plays\/site\.yml\) failed with exit status 2/,
    );
  });
});

/** Logs in with the key as soon as the machine answers; returns who that is, or nothing once the boot ended. */
async function logIn(port: number, booting: Promise<unknown>): Promise<string> {
  let hasEnded = false;
  void booting.finally(() => {
    hasEnded = true;
  });
  const options = [
    'UserKnownHostsFile=/dev/null',
    'StrictHostKeyChecking=no',
    'ConnectTimeout=5',
    'BatchMode=yes',
  ];
  const words = ['-p', String(port), '-i', path.join(keys, 'ann'), ...options.flatMap((one) => ['-o', one])];
  while (!hasEnded) {
    const { stdout } = spawnSync('ssh', [...words, 'ann@127.0.0.1', 'id -un; touch logged-in'], {
      encoding: 'utf8',
    });
    if (stdout !== '') return stdout;
    await sleep(500);
  }
  return '';
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer();
    server.listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}
