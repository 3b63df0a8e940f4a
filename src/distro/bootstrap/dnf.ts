// Fedora, the distributions of Enterprise Linux, and Amazon Linux, by dnf(8) on the host.

import { fail, ok } from '../../model/failure.ts';
import {
  bootVolumes,
  contentsOf,
  type Format,
  formatsOf,
  nameOfLuks,
  type PlannedDisk,
} from '../../model/system/layout.ts';
import type { System } from '../../model/system/system.ts';
import { quoteWord } from '../../util/quote.ts';
import { command, stop, writeText } from '../shell-text.ts';
import { bootsByBios } from './bios.ts';
import { type EarlyFiles, writeFiles } from './early-files.ts';
import { espOf, installPackagedEfi } from './efi.ts';
import { compareWithLock } from './lock.ts';
import type { Bootstrap, Installing, Source } from './port.ts';
import {
  KEYS,
  keptSection,
  RPM_DISTRIBUTIONS,
  repositorySections,
  rpmDistributionOf,
} from './rpm-repositories.ts';

const DNF: Bootstrap = {
  programs: ({ disk }) => ['dnf', 'rpm', ...(espOf(disk) ? ['mcopy'] : [])],
  install,
  names: ({ system: { suite } }) =>
    `dnf --quiet --releasever=${suite} --config="$TMPDIR/dnf.conf" --setopt=cachedir="$kept/dnf" --cacheonly repoquery --available --qf '%{name}'`,
  missing: (line) =>
    /^(?:Error: Unable to find a match: (\S+)|Module or Group '(\S+)' is not available\.)/
      .exec(line)
      ?.slice(1)
      .find((name) => name !== undefined),
  finish,
};

/** The distributions that it installs. */
export const DNF_SOURCES: Readonly<Record<string, Source>> = Object.fromEntries(
  Object.entries(RPM_DISTRIBUTIONS).map(([name, { id, releases, repositories }]): [string, Source] => [
    name,
    {
      id,
      bootstrap: DNF,
      releases: releases.map((release) => ({ suite: release, version: release })),
      otherReleases: /^\d+(?:\.\d+)?$/,
      components: [],
      without: ['components', 'security-mirror', 'snapshot'],
      // Also with a version, by a pattern, a group or an environment.
      packageName: /^@?\^?[A-Za-z0-9*][^\s'"]*(?: [^\s'"]+)*$/,
      fault: ({ mirror, keyring, repositories: listed = [] }) => {
        const foreign = listed.findIndex(({ suites, components }) => (suites ?? components) !== undefined);
        if (foreign >= 0) {
          const field = `repositories.${foreign}`;
          return {
            field: 'repositories',
            message: `system.${field}: suites and components are those of Debian's repositories`,
            hint: 'leave them out',
          };
        }
        if (mirror === undefined) return undefined;
        if (Object.keys(repositories).length === 0) {
          return {
            field: 'mirror',
            message: `system.mirror: where a mirror of ${name} has its repositories is not known`,
            hint: 'list them in "repositories"',
          };
        }
        if (keyring !== undefined) return undefined;
        return {
          field: 'mirror',
          message: `system.mirror of ${name} requires "keyring", the keys of its packages`,
          hint: 'add them as a file of the layer, such as RPM-GPG-KEY of the distribution',
        };
      },
      check: (architecture) => {
        if (['x64', 'arm64'].includes(architecture)) return ok();
        return fail('host', `a system of ${name} cannot be made on ${architecture}`, {
          hint: 'start from an image: "base" in vlb.yaml',
        });
      },
    },
  ]),
);

/** What every system has: rpm and dnf for later packages, and the programs that steps run. */
const USUAL = ['system-release', 'rpm', 'dnf', 'shadow-utils', 'util-linux'];
/** What every system has that boots, with an initramfs for any machine, and what changes the options of kernels. */
const BOOTED = ['systemd', 'systemd-udev', 'iproute', 'dracut', 'dracut-config-generic', 'grubby'];

/** What checks a file system at boot. */
const FORMAT_PACKAGES: Readonly<Partial<Record<Format, readonly string[]>>> = {
  ext4: ['e2fsprogs'],
  ext3: ['e2fsprogs'],
  xfs: ['xfsprogs'],
  btrfs: ['btrfs-progs'],
};

function packagesOf({ system, disk, further, architecture }: Installing): readonly string[] {
  const distribution = rpmDistributionOf(system);
  const { kernel = distribution.kernel, variant } = system;
  const loader = [
    'grub2-tools',
    ...(bootsByBios(disk, architecture) ? ['grub2-pc'] : []),
    ...(espOf(disk) ? (distribution.efi[architecture] ?? []) : []),
  ];
  return [
    ...new Set([
      ...USUAL,
      ...(variant === 'minbase' ? [] : ['@core']),
      ...(kernel === 'none' ? [] : [...BOOTED, kernel, ...loader]),
      ...[disk, ...further].flatMap((one) => [
        ...[...formatsOf(one)].flatMap((format) => FORMAT_PACKAGES[format] ?? []),
        ...(one.groups.length > 0 ? ['lvm2'] : []),
        ...(one.partitions.some(({ encryption }) => encryption !== undefined) ? ['cryptsetup'] : []),
      ]),
      ...system.packages,
    ]),
  ];
}

const CONSOLES = 'console=tty0 console=ttyS0,115200';

/** What scripts of packages read: kernel-install(8) would write the options of this machine's kernel otherwise. */
function earlyFiles({ system, disk, fstab, crypttab }: Installing): EarlyFiles {
  const root = contentsOf(disk).find(({ content }) => content.mounts.some(({ target }) => target === '/'));
  const mount = root?.content.mounts.find(({ target }) => target === '/');
  const volumes = crypttab([]);
  const options = [
    `root=UUID=${root?.content.uuid ?? ''}`,
    'ro',
    ...(mount?.subvolume === undefined ? [] : [`rootflags=subvol=${mount.subvolume}`]),
    ...volumeOptions(disk),
    CONSOLES,
  ];
  const { kernel = rpmDistributionOf(system).kernel } = system;
  return {
    'etc/fstab': fstab,
    ...(volumes === '' ? {} : { 'etc/crypttab': volumes }),
    'etc/hostname': `${system.distribution}\n`,
    'etc/locale.conf': 'LANG=C.UTF-8\n',
    ...(kernel === 'none'
      ? {}
      : {
          'etc/default/grub': grubSettings(disk),
          'etc/kernel/cmdline': `${options.join(' ')}\n`,
          'etc/sysconfig/kernel': `UPDATEDEFAULT=yes\nDEFAULTKERNEL=${kernel}\n`,
        }),
  };
}

/** Of dracut.cmdline(7): what an initramfs for any machine opens. */
function volumeOptions(disk: PlannedDisk): readonly string[] {
  const { volumes, encryptions } = bootVolumes(disk);
  return [
    ...encryptions.map((encryption) => `rd.luks.uuid=${nameOfLuks(encryption)}`),
    ...volumes.map((volume) => `rd.lvm.lv=${volume}`),
  ];
}

/** As the installer writes it, with the serial line as well as the screen, and no menu. */
function grubSettings(disk: PlannedDisk): string {
  const options = [...volumeOptions(disk), CONSOLES].join(' ');
  return `GRUB_TIMEOUT=0
GRUB_DISTRIBUTOR="$(sed 's, release .*$,,g' /etc/system-release)"
GRUB_DEFAULT=saved
GRUB_DISABLE_SUBMENU=true
GRUB_CMDLINE_LINUX="${options}"
GRUB_TERMINAL="console serial"
GRUB_SERIAL_COMMAND="serial --unit=0 --speed=115200"
GRUB_DISABLE_RECOVERY="true"
GRUB_ENABLE_BLSCFG=true
`;
}

/** Of dnf.conf(5). Nothing of this machine's is read. */
function mainSection(system: System): string {
  const { recommends, excludeDocs, excludes = [], ignoreMissing = false, distribution, suite } = system;
  const platform = `${rpmDistributionOf({ distribution }).platform}${Number.parseInt(suite, 10)}`;
  const lines = [
    '[main]',
    'assumeyes=1',
    'best=1',
    'gpgcheck=1',
    `install_weak_deps=${recommends ? 1 : 0}`,
    'keepcache=1',
    'logdir=/var/log',
    `module_platform_id=platform:${platform}`,
    'plugins=0',
    'reposdir=/dev/null',
    ...(excludes.length === 0 ? [] : [`excludepkgs=${excludes.join(' ')}`]),
    ...(excludeDocs ? ['tsflags=nodocs'] : []),
    ...(ignoreMissing ? ['strict=0'] : []),
  ];
  return `${lines.join('\n')}\n`;
}

/** Of rpm(8): where the database is that the image's own rpm reads, and which languages are installed. */
function macros({ distribution, suite, languages }: System): string {
  const { databaseInUsr } = rpmDistributionOf({ distribution });
  const inUsr = !(Number.parseInt(suite, 10) < databaseInUsr);
  return [
    `%_dbpath ${inUsr ? '/usr/lib/sysimage/rpm' : '/var/lib/rpm'}\n`,
    ...(languages === undefined ? [] : [`%_install_langs ${languages.join(':')}\n`]),
  ].join('');
}

function install(installing: Installing): string {
  const { system, architecture, disk } = installing;
  const { suite, files, modules = [], kernel, lock } = system;
  const early = earlyFiles(installing);
  const repositories = repositorySections(system);
  const dnf = `HOME="$TMPDIR/home" dnf --config="$TMPDIR/dnf.conf" --installroot="$root" --releasever=${suite}`;
  return `# Files that packages find when they are installed.
early=$TMPDIR/early
${writeFiles('$early', early)}
${files === undefined ? '' : `cp -R --remove-destination ${quoteWord(`./${files}/.`)} "$early"\n`}
# The settings of dnf and of rpm, and where packages come from.
mkdir -p "$TMPDIR/home"
${writeText('"$TMPDIR/home/.rpmmacros"', macros(system))}
${writeText('"$TMPDIR/dnf.conf"', mainSection(system))}
${repositories ? writeText('"$TMPDIR/dnf.conf"', repositories.text, '>>') : findRepositories(system)}

# Downloads are kept between builds, in a directory that is not part of the image.
cache=$root/var/cache/dnf
mkdir -p "$kept/dnf" "$cache" "$root/proc" "$root/sys" "$root/dev" "$root/run"
mount --bind "$kept/dnf" "$cache"
# Scripts of packages see devices that have no data, and no service of this machine.
mount -t proc proc "$root/proc"
mount --rbind /sys "$root/sys"
mount --make-rslave "$root/sys"
mount -t tmpfs -o mode=755 none "$root/run"
mount -t tmpfs -o mode=755 none "$root/dev"
for node in null zero full random urandom tty; do
  : >"$root/dev/$node"
  mount --bind "/dev/$node" "$root/dev/$node"
done
ln -s /proc/self/fd "$root/dev/fd"
cp -R --remove-destination "$early/." "$root"
${modules.length === 0 ? '' : `${dnf} --refresh module enable ${modules.map(quoteWord).join(' ')}\n`}${lock === undefined ? '' : lockedWords(lock)}${dnf} --refresh install \\
  ${command(packagesOf(installing))}${lock === undefined ? '' : ' \\\n  "$@"'}
${
  lock === undefined
    ? ''
    : `HOME="$TMPDIR/home" rpm --root="$root" --query --all \\
  --queryformat '%{NAME} %{ARCH} %|EPOCH?{%{EPOCH}:}|%{VERSION}-%{RELEASE}\\n' | grep -v '^gpg-pubkey ' >"$TMPDIR/installed"
${compareWithLock(lock)}
`
}umount --recursive "$root/dev" "$root/run" "$root/sys" "$root/proc" "$cache"
# What packages wrote over it, and the other version of it that they left.
cp -R --remove-destination "$early/." "$root"
for file in ${Object.keys(early).join(' ')}; do rm -f "$root/$file.rpmnew"; done
rm -rf "$root"/var/log/dnf*.log "$root/var/log/hawkey.log" "$root"/var/lib/dnf/history.sqlite*
${kernel === 'none' ? '' : installPackagedEfi(disk, architecture)}${keepRepositories(repositories?.kept ?? [])}if [ ! -L "$root/etc/resolv.conf" ]; then rm -f "$root/etc/resolv.conf"; fi
`;
}

/** The versions of the lock as words that dnf installs, if it has been written. */
function lockedWords(lock: string): string {
  const file = quoteWord(`./${lock}`);
  return `set --
if [ -e ${file} ]; then
  while read -r name architecture version; do
    case $name in '#'*) ;; *) set -- "$@" "$name-$version.$architecture" ;; esac
  done <${file}
fi
`;
}

/** Without any in the file: those of this machine, if it is of the same distribution. */
function findRepositories(system: System): string {
  const { id } = rpmDistributionOf(system);
  return `# shellcheck disable=SC1091
if [ "$(. /etc/os-release && echo "$ID")" != ${id} ]; then
  ${stop(`E: this machine has no repositories of ${system.distribution}: set "mirror" or "repositories" of the system`)}
fi
cat /etc/yum.repos.d/*.repo >>"$TMPDIR/dnf.conf"`;
}

function keepRepositories(kept: NonNullable<ReturnType<typeof repositorySections>>['kept']): string {
  return kept
    .map((repository) => {
      const { name, key } = repository;
      const file = key === undefined ? undefined : `RPM-GPG-KEY-${name}`;
      const section = writeText(`"$root/etc/yum.repos.d/${name}.repo"`, keptSection(repository, file));
      const copied =
        key && file ? `mkdir -p "$root${KEYS}"\ncp ${quoteWord(`./${key}`)} "$root${KEYS}/${file}"\n` : '';
      return `mkdir -p "$root/etc/yum.repos.d"\n${section}\n${copied}`;
    })
    .join('');
}

function finish({ system, disk, architecture }: Installing): string {
  const lines = [
    '# Every machine makes its own identity at its first boot.',
    ': >/etc/machine-id',
    'rm -f /var/lib/dbus/machine-id /var/lib/systemd/random-seed',
  ];
  if (system.kernel === 'none') return lines.join('\n');
  return [
    '# Kernels whose packages made no initramfs.',
    'for modules in /lib/modules/*/; do',
    '  version=$(basename "$modules")',
    '  if [ -e "/boot/initramfs-$version.img" ] || [ ! -e "/boot/vmlinuz-$version" ]; then continue; fi',
    '  dracut --no-hostonly "/boot/initramfs-$version.img" "$version"',
    'done',
    'mkdir -p /boot/grub2',
    'echo "(hd0) $VLB_DISK" >/boot/grub2/device.map',
    ...(bootsByBios(disk, architecture) ? ['grub2-install --target=i386-pc --no-floppy "$VLB_DISK"'] : []),
    'grub2-mkconfig -o /boot/grub2/grub.cfg',
    'rm /boot/grub2/device.map',
    ...lines,
  ].join('\n');
}
