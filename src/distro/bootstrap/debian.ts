// Debian, Ubuntu and those derived from them, by mmdebstrap(1) on the host.

import { fail, ok } from '../../model/failure.ts';
import { bootVolumes, type Format, formatsOf, type PlannedDisk } from '../../model/system/layout.ts';
import { quoteWord } from '../../util/quote.ts';
import { command } from '../shell-text.ts';
import { bootsByBios } from './bios.ts';
import { archiveOf, archives, findSources, writeImageSources } from './debian-archive.ts';
import { addRepositories, keepRepositories, repositoryFault } from './debian-repositories.ts';
import { type EarlyFiles, writeFiles } from './early-files.ts';
import { espOf, installEfi } from './efi.ts';
import { compareWithLock } from './lock.ts';
import { type Bootstrap, type Installing, RPM_FIELDS, type Source } from './port.ts';

/** As dpkg names it. */
const ARCHITECTURES: Readonly<Record<string, string>> = { x64: 'amd64', arm64: 'arm64' };

/** What every system has that boots: systemd, devices, the bus on which the power button is heard, ip(8), and zstd for the initramfs. */
const BOOTED = ['systemd-sysv', 'udev', 'dbus', 'iproute2', 'zstd'];

const DEBIAN: Bootstrap = {
  programs: ({ disk }) => ['apt-get', 'mmdebstrap', ...(espOf(disk) ? ['mcopy'] : [])],
  install,
  names,
  missing: (line) =>
    /^E: (?:Unable to locate package (\S+)|Package '(\S+)' has no installation candidate)/
      .exec(line)
      ?.slice(1)
      .find((name) => name !== undefined),
  finish,
};

/** The distributions that it installs. */
export const DEBIAN_SOURCES: Readonly<Record<string, Source>> = Object.fromEntries(
  archives().map(([name, { releases, components }]): [string, Source] => [
    name,
    {
      id: name,
      bootstrap: DEBIAN,
      releases,
      components,
      without: RPM_FIELDS,
      // As Debian Policy has it, and with an architecture or a version as apt-get(8) takes it.
      packageName: /^[a-z0-9][a-z0-9.+-]*(?::[a-z0-9]+)?(?:=[A-Za-z0-9.+:~-]+)?$/,
      fault: ({ snapshot, mirror, repositories }) =>
        snapshot === undefined || mirror !== undefined
          ? repositoryFault(repositories ?? [])
          : {
              field: 'snapshot',
              message: 'system.snapshot requires "mirror", an archive that has its states by time',
              hint: 'set it to the URL that is in front of the time',
            },
      check: (architecture) => {
        if (ARCHITECTURES[architecture] !== undefined) return ok();
        return fail('host', `a system of ${name} cannot be made on ${architecture}`, {
          hint: 'start from an image: "base" in vlb.yaml',
        });
      },
    },
  ]),
);

/** What checks a file system at boot, in addition to what the kernel has. */
const FORMAT_PACKAGES: Readonly<Partial<Record<Format, readonly string[]>>> = {
  ext4: ['e2fsprogs'],
  ext3: ['e2fsprogs'],
  xfs: ['xfsprogs'],
  btrfs: ['btrfs-progs'],
};

/** The packages to install, in addition to the variant's. */
function packagesOf({ system, disk, further, architecture }: Installing): readonly string[] {
  const { kernel = archiveOf(system).kernel(ARCHITECTURES[architecture] ?? '') } = system;
  const all = [
    ...(kernel === 'none' ? [] : [...BOOTED, kernel, ...loaderPackages(disk, architecture)]),
    ...[disk, ...further].flatMap((one) => [
      ...[...formatsOf(one)].flatMap((format) => FORMAT_PACKAGES[format] ?? []),
      ...volumePackages(one, kernel !== 'none'),
    ]),
    ...system.packages,
  ];
  return [...new Set(all)];
}

/** What opens LVM and LUKS, at boot from the initramfs. */
function volumePackages({ groups, partitions }: PlannedDisk, isBooted: boolean): readonly string[] {
  const isEncrypted = partitions.some(({ encryption }) => encryption !== undefined);
  return [
    ...(groups.length > 0 ? ['lvm2'] : []),
    ...(isEncrypted ? ['cryptsetup', ...(isBooted ? ['cryptsetup-initramfs'] : [])] : []),
  ];
}

/** The packages with GRUB's files only: those that install it too ask on which disk. */
function loaderPackages(disk: PlannedDisk, architecture: string): readonly string[] {
  return [
    'grub2-common',
    ...(bootsByBios(disk, architecture) ? ['grub-pc-bin'] : []),
    ...(espOf(disk) ? [`grub-efi-${ARCHITECTURES[architecture]}-bin`] : []),
  ];
}

/** Nothing of the host is in the image: mmdebstrap copies its host name unless there is another one. */
function earlyFiles({ system, fstab, crypttab }: Installing): EarlyFiles {
  const volumes = crypttab(['initramfs']);
  const name = system.distribution;
  return {
    'etc/fstab': fstab,
    ...(volumes === '' ? {} : { 'etc/crypttab': volumes }),
    'etc/hostname': `${name}\n`,
    'etc/hosts': `127.0.0.1 localhost\n127.0.1.1 ${name}\n::1       localhost ip6-localhost ip6-loopback\n`,
    'etc/default/locale': 'LANG=C.UTF-8\n',
    // Otherwise update-initramfs looks for a swap among the disks of the host.
    'etc/initramfs-tools/conf.d/resume': 'RESUME=none\n',
    'etc/default/grub.d/50-vlb.cfg': GRUB,
    ...(system.excludeDocs ? { 'etc/dpkg/dpkg.cfg.d/exclude-docs': EXCLUDE_DOCS } : {}),
  };
}

/** The serial line as well as the screen; no menu. */
const GRUB = `GRUB_TIMEOUT=0
GRUB_CMDLINE_LINUX_DEFAULT=
GRUB_CMDLINE_LINUX="console=tty0 console=ttyS0,115200"
GRUB_TERMINAL="console serial"
GRUB_SERIAL_COMMAND="serial --unit=0 --speed=115200"
`;

const EXCLUDE_DOCS = `path-exclude=/usr/share/doc/*
path-include=/usr/share/doc/*/copyright
path-exclude=/usr/share/info/*
path-exclude=/usr/share/man/*
`;

function install(installing: Installing): string {
  const { system, architecture, disk } = installing;
  const { suite, variant, recommends, files, keyring, lock } = system;
  const words = [
    'mmdebstrap',
    '--mode=root',
    `--variant=${variant}`,
    `--architectures=${ARCHITECTURES[architecture]}`,
    `--include=${packagesOf(installing).join(',')}`,
    ...(recommends ? ['--aptopt=Apt::Install-Recommends "true"'] : []),
    '--aptopt=Acquire::Retries "3"',
    ...(keyring === undefined ? [] : [`--keyring=./${keyring}`]),
    // Other file systems of the disk are mounted below the root.
    '--skip=check/empty',
    // What was downloaded is kept.
    '--skip=essential/unlink,cleanup/apt/lists',
    // Saves installing usrmerge, and Perl with it.
    '--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr',
  ];
  return `# Files that packages find when they are installed.
early=$TMPDIR/early
${writeFiles('$early', earlyFiles(installing))}
${files === undefined ? '' : `cp -R --remove-destination ${quoteWord(`./${files}/.`)} "$early"\n`}
${findSources(system, ARCHITECTURES[architecture] ?? '')}
${addRepositories(system)}${lock === undefined ? '' : `\n${pinVersions(lock)}\n`}
# Downloads are kept between builds, in a directory that is not part of the image.
mkdir -p "$kept/apt/archives/partial" "$kept/system/lists/partial"
export early kept
set -- # what dpkg of the image leaves out, mmdebstrap leaves out too
for file in "$early"/etc/dpkg/dpkg.cfg.d/*; do
  if [ -e "$file" ]; then set -- "$@" --dpkgopt="$file"; fi
done
${command(words)} \\
  "$@" \\
  --setup-hook='cp -R --remove-destination "$early/." "$1"' \\
  --setup-hook='mkdir -p "$1/var/cache/apt/archives" "$1/var/lib/apt/lists"' \\
  --setup-hook='mount --bind "$kept/apt/archives" "$1/var/cache/apt/archives"' \\
  --setup-hook='mount --bind "$kept/system/lists" "$1/var/lib/apt/lists"' \\
${lock === undefined ? '' : `  --setup-hook='cp "$pins" "$1/etc/apt/preferences.d/00-lock"' \\\n`}  --customize-hook='umount "$1/var/cache/apt/archives" "$1/var/lib/apt/lists"' \\
  ${quoteWord(suite)} "$root" - <"$TMPDIR/sources"
rm -f "$root/etc/apt/apt.conf.d/99mmdebstrap" "$root/etc/dpkg/dpkg.cfg.d/99mmdebstrap"
${lock === undefined ? '' : `${checkVersions(lock)}\n`}
${system.kernel === 'none' ? '' : installEfi(disk, architecture)}
# Where the image has its packages from, and no name server of this machine.
${system.keyring === undefined ? '' : `mkdir -p "$root/etc/apt/keyrings"\ncp ${quoteWord(`./${system.keyring}`)} "$root${KEYRING}"\n`}${writeImageSources(system, KEYRING)}
${keepRepositories(system)}if [ ! -L "$root/etc/resolv.conf" ]; then rm -f "$root/etc/resolv.conf"; fi
`;
}

/** Pins of apt_preferences(5) for the versions of a lock; none without the file. */
function pinVersions(lock: string): string {
  return `# The versions of the lock, if it has been written.
export pins="$TMPDIR/pins"
: >"$pins"
if [ -e ${quoteWord(`./${lock}`)} ]; then
  awk '!/^#/ { printf "Package: %s\\nPin: version %s\\nPin-Priority: 1001\\n\\n", $1, $3 }' ${quoteWord(`./${lock}`)} >"$pins"
fi`;
}

function checkVersions(lock: string): string {
  return `rm "$root/etc/apt/preferences.d/00-lock"
dpkg-query --admindir="$root/var/lib/dpkg" --show --showformat '\${Package} \${Architecture} \${Version}\\n' >"$TMPDIR/installed"
${compareWithLock(lock)}`;
}

/** By the lists that were downloaded, without what is installed on this machine. */
function names(): string {
  const options = [
    'Dir::Etc::SourceParts=/dev/null',
    'Dir::State::Status=/dev/null',
    'Dir::Cache::pkgcache=',
    'Dir::Cache::srcpkgcache=',
  ];
  return `apt-cache -o Dir::State::Lists="$kept/system/lists" -o Dir::Etc::SourceList="$TMPDIR/sources" \\
  ${command(options.flatMap((option) => ['-o', option]))} pkgnames`;
}

/** Where a keyring of the layer is in the image. */
const KEYRING = '/etc/apt/keyrings/archive.gpg';

function finish({ system, disk, architecture }: Installing): string {
  const lines = [
    '# Every machine makes its own identity at its first boot.',
    ': >/etc/machine-id',
    'rm -f /var/lib/dbus/machine-id /etc/.resolv.conf.systemd-resolved.bak',
  ];
  if (system.kernel === 'none') return lines.join('\n');
  const isEncrypted = bootVolumes(disk).encryptions.length > 0;
  return [
    // Where packages were installed there were no devices, by whose identifiers it knows what to open.
    ...(isEncrypted ? ['update-initramfs -u'] : []),
    'mkdir -p /boot/grub',
    ...(bootsByBios(disk, architecture) ? ['grub-install --target=i386-pc --no-floppy "$VLB_DISK"'] : []),
    'update-grub',
    ...lines,
  ].join('\n');
}
